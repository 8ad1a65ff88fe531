import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as engine from '../../engine/index.ts';
import type { BaseName } from '../../images/versions.ts';
import { TestCa } from './ca.ts';
import type { TestHost } from './host.ts';
import type { Lab } from './lab.ts';
import { lendBuilds, lendStandIns } from './stand-ins.ts';
import { connectToInternet } from './uplink.ts';

const front: BaseName[] = ['nginx', 'certbot'];
const all: BaseName[] = [...front, 'node', 'keycloak', 'postgres'];

/**
 * A stack of profile preview that the embedded engine deploys to the hosts of a lab by ssh, and its internet: an ACME CA, a way out
 * for what is built, clients who find the stack by its name and trust its certificate.
 *
 *     const stack = await LabStack.over(lab, { app });
 *     await stack.leadTo(app);
 *     await stack.up({ deploy: { app: 'ssh://root@app', proxy: 'ssh://root@app' } });
 *     await stack.status('/mcp');                       // '401', as the lab's outside has it
 */
export class LabStack {
  static readonly domain = 'example.test';
  static readonly host = `mcp.${LabStack.domain}`;
  static readonly url = `https://${LabStack.host}/mcp`;

  readonly lab: Lab;
  /** Of the engine's state, and of what else a test wants to put away. */
  readonly directory = mkdtempSync(join(tmpdir(), 'drawbridge-lab-stack-'));
  readonly #ca: TestCa;
  readonly #disconnect: () => Promise<void>;
  readonly #path = process.env.PATH;

  private constructor(lab: Lab, ca: TestCa, disconnect: () => Promise<void>) {
    this.lab = lab;
    this.#ca = ca;
    this.#disconnect = disconnect;
  }

  /**
   * @param hosts `proxy` is for a front alone
   * @param built whether the app's machine gets what is built already for other tests, for those that are about what comes after
   */
  static async over(lab: Lab, { app, proxy }: { app: TestHost; proxy?: TestHost }, { built = false } = {}): Promise<LabStack> {
    const disconnect = await connectToInternet(lab);
    const ca = await TestCa.start(lab);
    const stack = new LabStack(lab, ca, disconnect);
    writeFileSync(stack.#root, await ca.root());
    await Promise.all([lendStandIns(app, all, ca.trust), proxy && lendStandIns(proxy, front, ca.trust)]);
    if (built) await lendBuilds(app);
    // The engine calls `ssh` and `docker` by their names.
    process.env.PATH = lab.environment.PATH;
    process.env.DRAWBRIDGE_BASES = 'stand-in';
    return stack;
  }

  /** @param config without the namespace; `deploy` is needed, all else has a default */
  config(config: Record<string, unknown>): Record<string, unknown> {
    return { profile: 'preview', host: LabStack.host, acme: { directory: TestCa.directory }, ...config };
  }

  options(config: Record<string, unknown>): engine.StackOptions {
    return {
      projectDirectory: join(import.meta.dirname, '../..'),
      stack: 'lab',
      stateDirectory: this.directory,
      config: Object.fromEntries(Object.entries(this.config(config)).map(([key, value]) => [`drawbridge:${key}`, value])),
      onEvent: (event) => {
        if (event.kind === 'finished' && event.action !== 'same' && (event.seconds ?? 0) >= 5) console.log(`  ${event.action} ${event.name} (${event.seconds?.toFixed(0)} s)`);
      },
    };
  }

  up(config: Record<string, unknown>): Promise<engine.Outcome> {
    return engine.up(this.options(config));
  }

  down(config: Record<string, unknown>): Promise<engine.Outcome> {
    return engine.down(this.options(config));
  }

  /** The stack's names, of either layout, lead to a host, wherever they are asked for. */
  leadTo(host: TestHost): Promise<void> {
    return this.lab.point(Object.fromEntries(['mcp', 'auth'].map((label) => [`${label}.${LabStack.domain}`, host.addresses.v4])));
  }

  /** The status of a path of the stack, as somebody in the lab gets it, the certificate checked. */
  status(path: string, from = 'outside'): Promise<string> {
    return this.run(from, 'curl', ['--silent', '--show-error', '--max-time', '10', '--output', '/dev/null', '--write-out', '%{http_code}', `https://${LabStack.host}${path}`]);
  }

  /** Runs a program of this machine somewhere in the lab: node and curl trust the stack's certificate there. */
  run(from: string, program: string, args: readonly string[]): Promise<string> {
    return this.lab.run(from, 'env', [...this.trust, program, ...args]);
  }

  /** What makes node and curl trust it, for `env`. */
  get trust(): string[] {
    return [`NODE_EXTRA_CA_CERTS=${this.#root}`, `CURL_CA_BUNDLE=${this.#root}`];
  }

  get #root(): string {
    return join(this.directory, 'root.pem');
  }

  async close(): Promise<void> {
    process.env.PATH = this.#path;
    delete process.env.DRAWBRIDGE_BASES;
    await this.#disconnect();
    await this.#ca.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
