import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Diagnosis, examine, type Options } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { until } from '../support/edge-room.ts';
import { freePort } from '../support/gateway-process.ts';

const packages = join(import.meta.dirname, '../../node_modules/@modelcontextprotocol');

/** Someone else's MCP server, as its package starts it. */
class Other {
  url = '';
  #child?: ChildProcess;

  async start(path: string, program: string, args: string[], environment: (port: number, next: number) => Record<string, string>): Promise<void> {
    const [port, next] = [await freePort(), await freePort()];
    this.#child = spawn(process.execPath, [join(packages, program), ...args], { env: { PATH: process.env.PATH, ...environment(port, next) }, stdio: 'ignore' });
    this.url = `http://localhost:${port}${path}`;
    await until(`${program} listens`, () => fetch(this.url, { method: 'OPTIONS' }).then(() => true, () => false));
  }

  async stop(): Promise<void> {
    this.#child!.kill('SIGKILL');
    await once(this.#child!, 'exit');
  }
}
const look = ({ url }: Other, options: Options = {}): Promise<Diagnosis> => examine(url, { listenSeconds: 0, ...options });

describe('server-everything, which asks nobody for a token', () => {
  const other = new Other();
  beforeAll(() => other.start('/mcp', 'server-everything/dist/index.js', ['streamableHttp'], (port) => ({ PORT: String(port) })));
  afterAll(() => other.stop());

  it('is open, and lets every client in', async () => {
    const diagnosis = await look(other);
    expect(troubles(diagnosis)).toEqual([`warning open at challenge: ${everyone.join(' ')}`]);
    expect(diagnosis.ok).toBe(true);
  });

  it('has progress that arrives in time', async () => {
    const diagnosis = await look(other, { tool: { name: 'trigger-long-running-operation', arguments: { duration: 2, steps: 4 } } });
    expect(troubles(diagnosis)).toHaveLength(1);
    expect(diagnosis.notTried).toEqual([]);
  });

  it('has a stream without keep-alive comments', async () => {
    expect(found(await look(other, { listenSeconds: 2 }), 'stream-silent')).toMatchObject({ weight: 'warning', clients: everyone });
  });
});

describe('server-everything of the transport of 2024-11-05', () => {
  const other = new Other();
  beforeAll(() => other.start('/sse', 'server-everything/dist/index.js', ['sse'], (port) => ({ PORT: String(port) })));
  afterAll(() => other.stop());

  it('is out of date for every client', async () => {
    const diagnosis = await look(other);
    expect(troubles(diagnosis)).toEqual([`failure old-transport at challenge: ${everyone.join(' ')}`]);
    expect(diagnosis.ok).toBe(false);
  });
});

describe('the SDK’s example with OAuth, whose authorization server is on another port', () => {
  const other = new Other();
  beforeAll(() => other.start('/mcp', 'sdk/dist/esm/examples/server/simpleStreamableHttp.js', ['--oauth', '--oauth-strict'], (port, next) => ({ MCP_PORT: String(port), MCP_AUTH_PORT: String(next) })));
  afterAll(() => other.stop());

  it('lets every client register and sign in; what was registered stays, which is noted', async () => {
    const diagnosis = await look(other, { register: true });
    expect(troubles(diagnosis)).toEqual([]);
    expect(found(diagnosis, 'registration-left')).toMatchObject({ weight: 'note', clients: everyone });
  });

  it('gives no refresh token, which only a sign-in can tell', async () => {
    const diagnosis = await look(other, { register: true, signIn: (url) => void fetch(url) });
    expect(troubles(diagnosis)).toEqual([`warning no-refresh at token: ${everyone.join(' ')}`]);
    expect(found(diagnosis, 'no-refresh').what).toContain('the sign-in gave no refresh token');
  });

  it('answers 500 to a token that it does not know, where 401 belongs', async () => {
    expect(found(await look(other, { token: 'of-someone-else' }), 'call-fails')).toMatchObject({ step: 'call', weight: 'failure', clients: everyone, what: `The first message fails: 500 from ${other.url}.`, remedies: [expect.stringContaining('that is answered with 401')] });
  });
});
