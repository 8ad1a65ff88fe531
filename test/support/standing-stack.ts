import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import type { StackOptions } from '../../engine/index.ts';
import { Vault } from '../../engine/secrets.ts';
import { State } from '../../engine/state.ts';
import { revealAll } from '../../engine/values.ts';

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean);

/** A stack as it stands on this machine, whatever its state file says. */
export class StandingStack {
  readonly #options: StackOptions;
  readonly #prefix: string;

  constructor(options: StackOptions) {
    this.#options = options;
    this.#prefix = `drawbridge-${options.stack}-`;
  }

  /** Role → container id, of all that run. */
  containers(): Record<string, string> {
    return this.#containers('--no-trunc', '--filter', 'status=running');
  }

  runs(role: string): boolean {
    return this.containers()[role] !== undefined;
  }

  /** Everything on this machine that belongs to the stack, found by name as well as by label: lists of names. */
  parts(): Record<'containers' | 'networks' | 'volumes' | 'images' | 'files' | 'processes', string[]> {
    const { stack, stateDirectory } = this.#options;
    const named = (kind: 'network' | 'volume') => {
      const labelled = docker(kind, 'ls', '--filter', `label=dev.drawbridge.stack=${stack}`, '--format', '{{.Name}}');
      return [...new Set([...labelled, ...docker(kind, 'ls', '--format', '{{.Name}}').filter((name) => name.startsWith(this.#prefix))])];
    };
    const labelled = docker('ps', '--all', '--filter', `label=dev.drawbridge.stack=${stack}`, '--format', '{{.Names}}');
    return {
      containers: [...new Set([...labelled, ...Object.keys(this.#containers('--all'))])],
      networks: named('network'),
      volumes: named('volume'),
      images: docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}').filter((name) => name.startsWith(`drawbridge.local/${stack}/`)),
      files: (existsSync(stateDirectory) ? readdirSync(stateDirectory) : []).filter((name) => name.startsWith(`${stack}.`)),
      processes: processArguments().filter((line) => line.includes(`--stack=${stack} `) || line.includes(this.#prefix)),
    };
  }

  /** Asks through the front, whose certificate must be good. */
  async ask(url: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<{ status: number; body: string }> {
    const ca = await readCaCertificate(this.#options.stack);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request(url, { ...options, ca, agent: false }, resolve).on('error', reject).end(body);
    const response = await promise;
    return { status: response.statusCode!, body: await text(response) };
  }

  /** The secrets that the stack made for itself, by the name of their resource. */
  generatedSecrets(): Record<string, string> {
    return this.#computed('random:index/randomPassword:RandomPassword', 'result');
  }

  /** References of the base images that it stands on. */
  baseImages(): string[] {
    const answers = this.#computed('command:local:Command', 'stdout');
    return Object.keys(answers).filter((name) => name.startsWith('base-')).map((name) => (JSON.parse(answers[name]!.split('\n').at(-1)!) as { image: string }).image);
  }

  /** The state file as it is on the disk. */
  stateText(): string {
    return readFileSync(this.#file('json'), 'utf8');
  }

  #computed(type: string, output: string): Record<string, string> {
    const entries = new State(this.#file('json'), new Vault(this.#file('key'))).entries().filter((entry) => entry.type === type);
    return Object.fromEntries(entries.map(({ name, outputs }) => [name, String(revealAll(outputs)[output])]));
  }

  #containers(...selection: string[]): Record<string, string> {
    const lines = docker('ps', ...selection, '--format', '{{.Names}} {{.ID}}').filter((line) => line.startsWith(this.#prefix));
    return Object.fromEntries(lines.map((line) => line.slice(this.#prefix.length).split(' ')));
  }

  #file(extension: string): string {
    return join(this.#options.stateDirectory, `${this.#options.stack}.${extension}`);
  }
}

/** The command lines of all processes of this machine but this one, as every user of it can read them. */
export function processArguments(): string[] {
  return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid).flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      // It has ended in the meantime.
      return [];
    }
  });
}

/** Collects every command line that is seen on this machine until it is stopped. */
export function watchProcessArguments(): { stop: () => string } {
  const seen = new Set<string>();
  const timer = setInterval(() => processArguments().forEach((line) => seen.add(line)), 50);
  return {
    stop: () => {
      clearInterval(timer);
      return [...seen].join('\n');
    },
  };
}
