import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenIssuer } from './token-issuer.ts';

const program = join(import.meta.dirname, '../../server/main.ts');
const START_MILLISECONDS = 20_000;

/** The gateway as it runs in its container: a process of its own, before one backend, believing one issuer. */
export class GatewayProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(url: string, settings: object, nodeOptions: readonly string[]) {
    this.url = url;
    this.#directory = mkdtempSync(join(tmpdir(), 'drawbridge-gateway-'));
    const output = openSync(join(this.#directory, 'log'), 'a');
    this.#child = spawn(process.execPath, [...nodeOptions, program], {
      env: { PATH: process.env.PATH, DRAWBRIDGE_SERVER: JSON.stringify(settings) },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    process.on('exit', this.#kill);
  }

  /** @throws Error with what the gateway said, if it does not become ready. */
  static async start({ backend, issuer, workers = 1, nodeOptions = [] }: { backend: string; issuer: TokenIssuer; workers?: number; nodeOptions?: readonly string[] }): Promise<GatewayProcess> {
    const [port, healthPort] = [await freePort(), await freePort()];
    const settings = {
      port,
      healthPort,
      workers,
      allowedHosts: ['127.0.0.1', 'localhost'],
      auth: { kind: 'jwks', issuer: issuer.issuer, jwksUrl: issuer.jwksUrl },
      // One user at one address: what protects the others is not what is looked at here.
      limits: { perUser: 1_000_000_000, perAddress: 1_000_000_000, concurrent: 1_000_000 },
      servers: [
        {
          name: 'mcp',
          path: '/mcp',
          resource: 'https://mcp.example.org/mcp',
          metadataUrl: 'https://mcp.example.org/.well-known/oauth-protected-resource/mcp',
          metadataPaths: ['/.well-known/oauth-protected-resource/mcp'],
          scopes: ['mcp:read'],
          backend: { url: backend },
        },
      ],
    };
    const gateway = new GatewayProcess(`http://127.0.0.1:${port}/mcp`, settings, nodeOptions);
    try {
      await gateway.#ready(`http://127.0.0.1:${healthPort}/ready`);
      return gateway;
    } catch (error) {
      await gateway.stop();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      const cut = setTimeout(this.#kill, 3_000);
      await exited;
      clearTimeout(cut);
    }
    rmSync(this.#directory, { recursive: true });
  }

  readonly #kill = () => void this.#child.kill('SIGKILL');

  async #ready(url: string): Promise<void> {
    const deadline = Date.now() + START_MILLISECONDS;
    while (!(await fetch(url).catch(() => undefined))?.ok) {
      const problem =
        this.#child.exitCode !== null ? 'ended at its start' : Date.now() > deadline ? `was not ready within ${START_MILLISECONDS / 1000} s` : undefined;
      if (problem) throw new Error(`The gateway ${problem}:\n${readFileSync(join(this.#directory, 'log'), 'utf8').slice(-5_000)}`);
      await sleep(50);
    }
  }
}

/** A port of the loopback interface that nobody listened on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
