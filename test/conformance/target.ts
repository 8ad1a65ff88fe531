import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayProcess, freePort } from '../support/gateway-process.ts';
import { TokenIssuer } from '../support/token-issuer.ts';
import { AuthorizingProxy } from './authorizing-proxy.ts';

const project = join(import.meta.dirname, '../..');

/** The servers that the suite is run against. */
export const servers = {
  'server-everything': ['node_modules/@modelcontextprotocol/server-everything/dist/index.js', 'streamableHttp'],
  'the fixture of the suite': ['test/conformance/fixture-server.ts'],
} as const;

/** One server, bare and behind the gateway. */
export class Target {
  readonly bare: string;
  readonly #child: ChildProcess;
  readonly #issuer: TokenIssuer;
  readonly #gateway: GatewayProcess;
  readonly #proxy: AuthorizingProxy;

  private constructor(bare: string, child: ChildProcess, issuer: TokenIssuer, gateway: GatewayProcess, proxy: AuthorizingProxy) {
    [this.bare, this.#child, this.#issuer, this.#gateway, this.#proxy] = [bare, child, issuer, gateway, proxy];
  }

  static async start(server: keyof typeof servers): Promise<Target> {
    const port = await freePort();
    const child = spawn(process.execPath, [...servers[server]], { cwd: project, env: { PATH: process.env.PATH, PORT: String(port) }, stdio: 'ignore' });
    await reachable(port, child);
    const bare = `http://127.0.0.1:${port}/mcp`;
    const issuer = await TokenIssuer.start();
    // Two workers: what one of them was told, the other has to know.
    const gateway = await GatewayProcess.start({ backend: bare, issuer, workers: 2 });
    const proxy = await new AuthorizingProxy(gateway.url, await issuer.token({ scope: 'mcp:read', exp: Math.floor(Date.now() / 1000) + 3_600 })).start();
    return new Target(bare, child, issuer, gateway, proxy);
  }

  /** Through the gateway, with an access token on each request. */
  get through(): string {
    return this.#proxy.url;
  }

  async stop(): Promise<void> {
    await this.#proxy.stop();
    await this.#gateway.stop();
    await this.#issuer.stop();
    this.#child.kill('SIGKILL');
    if (this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}

async function reachable(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with exit code ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const connected = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
    socket.destroy();
    if (connected) return;
    await sleep(100);
  }
  throw new Error(`${child.spawnargs.join(' ')} did not listen on port ${port}`);
}
