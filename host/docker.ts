import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import type { DockerOptions } from 'dockerode';
import { explainSsh, parseTarget, sshArguments, type SshTarget } from './ssh.ts';

/** sshd drops connections at random once ten are in the middle of their handshake (MaxStartups). */
const MAX_CONNECTIONS = 6;

/**
 * Options for dockerode. Where the engine is on another machine, through the user's own ssh, as the docker CLI does it: dockerode's
 * own way there checks no host key.
 * @param host as DOCKER_HOST
 */
export function dockerOptions(host = process.env.DOCKER_HOST): DockerOptions {
  if (!host?.startsWith('ssh://')) return {};
  const target = parseTarget(host)!;
  // What the name resolves to matters to ssh alone.
  return { protocol: 'http', host: 'docker.invalid', port: 80, agent: new SshAgent(target) } as DockerOptions;
}

/** Each connection is an ssh of its own that leads to the engine's socket; requests share them. */
class SshAgent extends Agent {
  readonly #target: SshTarget;

  constructor(target: SshTarget) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
    this.#target = target;
  }

  override createConnection(): Duplex {
    return new SshConnection(this.#target);
  }
}

class SshConnection extends Duplex {
  readonly #child;

  constructor(target: SshTarget) {
    super();
    // In a session of its own: after a Ctrl-C the work goes on to where it can stop.
    this.#child = spawn('ssh', sshArguments(target, 'docker system dial-stdio'), { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const { stdout, stderr, stdin } = this.#child;
    let said = '';
    stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
    stdout.on('data', (chunk) => this.push(chunk) || stdout.pause());
    stdin.on('error', () => {});
    this.#child.once('error', (error) => this.destroy(error));
    this.#child.once('close', (code) => {
      if (code === 0) this.push(null);
      else this.destroy(Object.assign(new Error(meaning(target, said.trim())), { code: 'ESSH' }));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // What ssh says as it ends is the better error.
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill();
    done(error);
  }

  /** An idle connection keeps no process alive; node:http calls these as it does with sockets. */
  unref(): this {
    return this.#hold('unref');
  }

  ref(): this {
    return this.#hold('ref');
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #hold(how: 'ref' | 'unref'): this {
    this.#child[how]();
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) (stream as unknown as Record<typeof how, () => void>)[how]();
    return this;
  }
}

function meaning(target: SshTarget, said: string): string {
  const why = explainSsh(target, said);
  if (why) return why;
  if (/docker: (command )?not found|No such file or directory.*docker/.test(said)) return `${target.host} has no Docker engine: \`npm run host -- prepare --stack STACK\` installs one`;
  if (/permission denied.*docker/i.test(said)) return `the Docker engine of ${target.host} does not let ${target.user} in: \`npm run host -- prepare --stack STACK\` adds the user to the group docker`;
  return `the connection to the Docker engine of ${target.host} ended: ${said}`;
}
