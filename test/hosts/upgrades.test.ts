import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as engine from '../../engine/index.ts';
import { Clone } from './clone.ts';
import type { TestHost } from './host.ts';
import { Lab } from './lab.ts';
import { Load, type Seen } from './load.ts';
import { LabStack } from './stack.ts';

// Clients under load, while each part of a stack is brought to a new version.
const clone = new Clone();
const limits = { perUser: 1_000_000, perAddress: 1_000_000 };
const servers = [{ name: 'mcp', path: '/mcp', scopes: ['mcp:use'], backend: { url: 'http://host.docker.internal:9000/mcp' } }];
const config = { deploy: { app: 'ssh://root@app', proxy: 'ssh://root@app' }, limits, servers };

let lab: Lab;
let app: TestHost;
let stack: LabStack;
let load: Load;

const containers = async () => (await app.run("docker ps --format '{{.Names}} {{.ID}}' | sort")).split('\n').filter(Boolean);
const up = (changes: object = {}) => engine.up({ ...stack.options({ ...config, ...changes }), projectDirectory: clone.directory });

/** Of a front that is replaced: the kernel resets what waits at a listening socket that is closed, and streams may last longer than a front is given to finish. */
const tornByFront = /^(quick: (ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)|slow: .*)$/;

/** Brings something up under load, and returns what the clients saw, and which containers are new. */
async function watched(what: string, work: () => Promise<unknown>): Promise<Seen & { made: string[] }> {
  const before = await containers();
  await load.seen();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  await sleep(3000);
  const seen = await load.seen();
  console.log(`  ${what}, ${seconds.toFixed(0)} s: ${seen.calls} calls and ${seen.slow} streams, no answer for ${seen.gap.toFixed(2)} s at most, failed: ${JSON.stringify(seen.failed)}`);
  expect(seen.calls).toBeGreaterThan(100);
  return { ...seen, made: (await containers()).filter((each) => !before.includes(each)).map((each) => each.split(' ')[0]!.slice('drawbridge-lab-'.length)) };
}

beforeAll(async () => {
  lab = await Lab.create(console.error);
  app = await lab.addHost('app');
  await app.run(`cat > /tmp/backend.py <<'PY'\n${readFileSync(join(import.meta.dirname, 'inside/backend.py'), 'utf8')}PY\nsetsid nohup python3 /tmp/backend.py >/tmp/backend.log 2>&1 &`);
  stack = await LabStack.over(lab, { app }, { built: true });
  await stack.leadTo(app);
  const { outputs } = await up();
  load = await Load.begin(stack, LabStack.url, outputs.testUser as { username: string; password: string });
  await sleep(1000);
}, 600_000);
afterAll(async () => {
  load?.end();
  await stack?.close();
  await lab?.close();
  clone.remove();
});

it('a change of nginx’s configuration is taken over in place: no request fails, no stream breaks', async () => {
  const { failed, made } = await watched('configuration', () => up({ trustedProxies: ['192.0.2.0/24'] }));
  expect([failed, made]).toEqual([{}, []]);
}, 600_000);

it('a new image of the server takes over beside the old one: no request fails, no stream breaks', async () => {
  clone.edit('server/main.ts', (text) => `${text}// Another version.\n`);
  const { failed, made } = await watched('server', () => up());
  expect([failed, made]).toEqual([{}, ['server-b']]);
  expect((await containers()).filter((each) => each.includes('-server-'))).toHaveLength(1);
}, 600_000);

it('one that does not become healthy fails the up, while the one before serves on; the next that does takes over', async () => {
  const good = readFileSync(join(clone.directory, 'server/main.ts'), 'utf8');
  const broken = await watched('broken server', async () => {
    clone.edit('server/main.ts', (text) => `${text}throw new Error('It does not start.');\n`);
    await expect(up()).rejects.toThrow(/Container server/);
  });
  expect(broken.failed).toEqual({});
  const mended = await watched('mended server', async () => {
    clone.edit('server/main.ts', () => `${good}// Mended.\n`);
    await up();
  });
  expect([mended.failed, mended.made]).toEqual([{}, ['server-a']]);
}, 600_000);

it('a new image of nginx takes over beside the old one: connections are refused for less than a second, if at all', async () => {
  clone.edit('proxy/front.sh', (text) => `${text}# Another version.\n`);
  const { failed, gap, made } = await watched('front', () => up());
  expect(made).toEqual(['front-b']);
  expect(gap).toBeLessThan(1);
  for (const reason of Object.keys(failed)) expect(reason).toMatch(tornByFront);
}, 600_000);

it('while Keycloak is replaced, sign-in gets 503, Retry-After and a page, and calls with tokens go on', async () => {
  const page = `https://${LabStack.host}/auth/realms/main/protocol/openid-connect/auth`;
  const answers: string[] = [];
  let running = true;
  const asking = (async () => {
    for (; running; await sleep(200)) answers.push(await stack.run('outside', 'curl', ['--silent', '--include', '--http1.1', '--max-time', '60', '--header', 'Accept: text/html', page]).catch(String));
  })();
  clone.edit('infra/keycloak.ts', (text) => text.replace('memory: 1024', 'memory: 1025'));
  const { failed, made } = await watched('keycloak', () => up());
  running = false;
  await asking;
  expect([failed, made]).toEqual([{}, ['keycloak']]);
  const away = answers.filter((answer) => !/^HTTP\/1\.1 (400|200|302)/.test(answer));
  console.log(`  sign-in: ${away.length} of ${answers.length} answers were the page`);
  expect(away.length).toBeGreaterThan(0);
  for (const answer of away) expect(answer).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d+\r\n[^]*<h1>One moment<\/h1>/);
}, 600_000);

it('a new version of everything at once: a gateway takes over when Keycloak is back, so that calls with tokens go on', async () => {
  clone.edit('server/main.ts', (text) => `${text}// A third version.\n`);
  clone.edit('proxy/front.sh', (text) => `${text}# A third version.\n`);
  clone.edit('infra/keycloak.ts', (text) => text.replace('memory: 1025', 'memory: 1026'));
  const { failed, gap, made } = await watched('everything', () => up());
  expect(made).toEqual(['front-a', 'keycloak', 'server-b']);
  expect(gap).toBeLessThan(1);
  for (const reason of Object.keys(failed)) expect(reason).toMatch(tornByFront);
}, 600_000);
