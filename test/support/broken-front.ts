import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { containerOf } from './container.ts';

const CONFIGURATION = '/run/nginx/nginx.conf';

/** A running front whose configuration somebody edits by hand. */
export class BrokenFront {
  readonly #container: string;
  readonly #port: number;
  readonly #right: string;
  #edits = 0;

  /** @param port on which it listens on the loopback of this machine */
  constructor(stack: string, port: number) {
    this.#container = containerOf(stack, 'front');
    this.#port = port;
    this.#right = execFileSync('docker', ['exec', this.#container, 'cat', CONFIGURATION], { encoding: 'utf8' });
  }

  /** Has it serve with another configuration, and waits until it does. */
  async edit(change: (configuration: string) => string): Promise<void> {
    const changed = change(this.#right);
    if (changed === this.#right) throw new Error('The edit changes nothing.');
    await this.#load(changed);
  }

  async putBack(): Promise<void> {
    await this.#load(this.#right);
  }

  /** Puts a file where nginx can read it. @returns its directory */
  put(name: string, content: string): string {
    execFileSync('docker', ['exec', '--interactive', this.#container, 'sh', '-c', `mkdir -p /run/nginx/broken && cat > /run/nginx/broken/${name}`], { input: content });
    return '/run/nginx/broken';
  }

  async #load(configuration: string): Promise<void> {
    const marker = `/edit-${(this.#edits += 1)}`;
    const marked = inLocation(configuration, 'location / {', [`if ($uri = ${marker}) { return 418; }`]);
    execFileSync('docker', ['exec', '--interactive', this.#container, 'sh', '-c', `cat > ${CONFIGURATION} && nginx -t -q -c ${CONFIGURATION} && kill -HUP $(cat /run/nginx/nginx.pid)`], { input: marked });
    while ((await this.#statusOf(marker)) !== 418) await sleep(50);
  }

  #statusOf(path: string): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    // Whatever certificate it has by now.
    request({ host: '127.0.0.1', servername: 'localhost', port: this.#port, path, headers: { host: `localhost:${this.#port}` }, rejectUnauthorized: false, agent: false }, (answer) => resolve(answer.resume().statusCode))
      .on('error', () => resolve(undefined))
      .end();
    return promise;
  }
}

/** Adds lines at the beginning of a block. */
export function inLocation(configuration: string, opening: string, lines: readonly string[]): string {
  if (!configuration.includes(`${opening}\n`)) throw new Error(`There is no ${opening}`);
  return configuration.replaceAll(`${opening}\n`, () => [opening, ...lines, ''].join('\n'));
}

/** Adds blocks beside the others of every host. */
export const withLocation = (configuration: string, ...blocks: readonly string[]): string => configuration.replaceAll('    location / {\n', () => `${blocks.join('\n')}\n    location / {\n`);

/** Takes a block away. */
export const withoutLocation = (configuration: string, opening: string): string => {
  const start = configuration.indexOf(`    ${opening}\n`);
  return configuration.slice(0, start) + configuration.slice(configuration.indexOf('\n    }\n', start) + '\n    }\n'.length);
};
