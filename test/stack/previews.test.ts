import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../cli/previews/receipt.ts';
import { projectDirectory, stateDirectory } from '../../cli/stack-file.ts';
import type { Report } from '../../cli/verify.ts';
import { type Metadata, register, signIn } from '../../soak/sign-in.ts';
import { killedCommand } from '../support/killed-command.ts';
import { npmRun, printed } from '../support/npm-run.ts';

// Beside the stack of the other tests; the ports of previews are the next ones.
const port = Number(process.env.DRAWBRIDGE_TEST_PORT ?? 18443) + 40;
const shared = 'pr-shared';
const stackFile = join(projectDirectory, `Pulumi.${shared}.yaml`);
const encryptedFile = join(projectDirectory, 'Pulumi.pr-encrypted.yaml');
const [one, two, third] = ['pr-one', 'pr-two', 'pr-third'];

interface Preview {
  name: string;
  url: string;
  created: string;
  seconds: number;
  outputs: { issuer: string; authorizationServerMetadataUrl: string; caCertificate: string; testUser: { username: string; password: string } };
}
type ListedPreview = Pick<Preview, 'name' | 'url' | 'created'> & { state: string; keep: boolean; expires: string | null };

const previewUp = async (name: string, ...more: string[]) => JSON.parse(await printed('preview', 'up', '--name', name, '--from', shared, '--share-keycloak', shared, '--json', ...more)) as Preview;
const previewDown = async (name: string) => JSON.parse(await printed('preview', 'down', '--name', name, '--json')) as Receipt;
const list = async () => JSON.parse(await printed('preview', 'list', '--json')) as ListedPreview[];
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).split('\n').filter(Boolean).sort();

/** What Docker itself has of a stack, by name: labels could be missing. */
const objects = (stack: string) => {
  const of = (names: string[]) => names.filter((name) => name.startsWith(`drawbridge-${stack}-`));
  return {
    containers: of(docker('ps', '--all', '--format', '{{.Names}}')),
    networks: of(docker('network', 'ls', '--format', '{{.Name}}')),
    volumes: of(docker('volume', 'ls', '--format', '{{.Name}}')),
    images: docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}').filter((name) => name.startsWith(`drawbridge.local/${stack}/`)),
  };
};
const none = { containers: [], networks: [], volumes: [], images: [] };

async function tokenFor({ outputs }: Preview): Promise<string> {
  setDefaultCACertificates([...getCACertificates('default'), outputs.caCertificate]);
  const metadata = (await (await fetch(outputs.authorizationServerMetadataUrl)).json()) as Metadata;
  const person = { ...outputs.testUser, newPassword: outputs.testUser.password };
  return (await signIn(metadata, await register(metadata, 'mcp:read'), person, 'mcp:read')).access_token;
}

/** @returns the status of a tool call */
async function call(url: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } }) });
  await response.text();
  return response.status;
}

const realmAnswers = async (issuer: string) => (await fetch(`${issuer}/.well-known/openid-configuration`)).status;

/** The life of three previews with their realms in one Keycloak. Each test takes over what the one before has left. */
describe('previews on a shared Keycloak', { timeout: 300_000, retry: 0 }, () => {
  let previews: Preview[];
  let interrupted: Preview;

  const clear = async () => {
    for (const name of [one, two, third]) await npmRun('preview', 'down', '--name', name);
    await npmRun('down', '--stack', shared, '--yes');
  };
  beforeAll(async () => {
    await clear();
    writeFileSync(stackFile, `config:\n  drawbridge:profile: local\n  drawbridge:localPort: ${port}\n  drawbridge:previewRealms: true\n`);
    await printed('up', '--stack', shared, '--yes');
  }, 400_000);
  afterAll(async () => {
    await clear();
    for (const file of [stackFile, encryptedFile]) rmSync(file, { force: true });
  }, 300_000);

  it('come up side by side, each with a port and a realm of its own', async () => {
    previews = await Promise.all([previewUp(one!, '--lifetime', '1s'), previewUp(two!, '--keep')]);
    expect(new Set(previews.map(({ url }) => url)).size).toBe(2);
    expect(previews.map(({ outputs }) => outputs.issuer)).toEqual([one, two].map((name) => `https://localhost:${port}/auth/realms/preview-${name}`));
    expect((await list()).map(({ name, state, keep }) => [name, state, keep])).toEqual(expect.arrayContaining([[one, 'stands', false], [two, 'stands', true]]));
  });

  it('let a client of theirs sign in and call, and not one of the other: a token for one opens one', async () => {
    const [first, second] = previews as [Preview, Preview];
    const tokens = [await tokenFor(first), await tokenFor(second)] as const;
    expect(await call(first.url, tokens[0])).toBe(200);
    expect(await call(second.url, tokens[1])).toBe(200);
    expect(await call(first.url, tokens[1])).toBe(401);
    expect(await call(second.url, tokens[0])).toBe(401);
  });

  it('are found right by verify, which signs in there, and looks at the rules of their own realm', async () => {
    const { checks } = JSON.parse(await printed('verify', '--stack', one!, '--quick', '--json')) as Report;
    expect(checks.filter(({ result }) => result !== 'passed').map(({ check, reason }) => `${check}: ${reason}`)).toEqual([
      'serves nothing over plain http, and leads to https: a stack of profile local has no port 80',
      'tells browsers to come by https only (HSTS): a stack of profile local promises nothing about localhost',
      'the ports of what is behind the front are not open to the outside: a stack of profile local publishes none of them',
      'a token for another server of the stack is refused (RFC 8707 §2): there is no other',
      'an answer that is a stream is kept alive while it is silent: that takes about 20 seconds, which --quick leaves out',
    ]);
    expect(checks.filter(({ area }) => ['The rules of sign-in', 'Staying signed in'].includes(area))).toHaveLength(8);
  });

  it('show nothing of the Keycloak that they share but their realms', async () => {
    const origin = new URL(previews[0]!.outputs.issuer).origin;
    for (const path of ['/auth/admin/', '/auth/realms/master/.well-known/openid-configuration', `/auth/realms/preview-${one}/account/`, '/auth/realms/preview-nobody/.well-known/openid-configuration'])
      expect((await fetch(`${origin}${path}`)).status, path).toBe(404);
  });

  it('keep the stack with their realms from being taken down', async () => {
    const { code, stderr } = await npmRun('down', '--stack', shared, '--yes');
    expect(code).toBe(2);
    expect(stderr).toContain(`npm run preview -- down --name ${one}`);
  });

  it('are not taken down as a stack, which would leave what is noted of them', async () => {
    const { code, stderr } = await npmRun('down', '--stack', one!, '--yes');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`npm run preview -- down --name ${one}`) });
  });

  it('are not made from a stack whose secrets only the Pulumi CLI can read, and nothing of them is noted', async () => {
    writeFileSync(encryptedFile, 'encryptionsalt: v1:x\nconfig:\n  drawbridge:profile: local\n  drawbridge:secrets:\n    mine:\n      secure: v1:x\n');
    const { code, stderr } = await npmRun('preview', 'up', '--name', third!, '--from', 'pr-encrypted');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Pulumi.pr-encrypted.yaml has secrets that the Pulumi CLI has encrypted') });
    expect((await list()).map(({ name }) => name)).not.toContain(third);
  });

  it('of which nobody can read what was noted are left as they are, until somebody says from which stack they were made', async () => {
    const notes = join(stateDirectory, `${third}.preview`);
    writeFileSync(notes, '{"created":');
    const { code, stderr } = await npmRun('preview', 'up', '--name', third!);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Say with --from') });
    expect(readFileSync(notes, 'utf8')).toBe('{"created":');
    expect((await npmRun('preview', 'down', '--name', third!)).code).toBe(0);
    expect(existsSync(notes)).toBe(false);
  });

  it('whose up was killed are listed as half-made, and whole after the next up, under the same age', async () => {
    await killedCommand(['preview', 'up', '--name', third!, '--from', shared, '--share-keycloak', shared], /creating (container server|command realm)/);
    const half = (await list()).find(({ name }) => name === third)!;
    expect(half.state).toBe('half-made');
    interrupted = await previewUp(third!);
    expect(interrupted).toMatchObject({ created: half.created, url: half.url });
    expect(await call(interrupted.url, await tokenFor(interrupted))).toBe(200);
  });

  it('whose down was killed are removed by the next one: the receipt has all that Docker had, and nothing of it is left', async () => {
    const before = objects(third!);
    expect(Object.values(before).map(({ length }) => length > 0)).toEqual([true, true, true, true]);
    expect(await realmAnswers(interrupted.outputs.issuer)).toBe(200);
    await killedCommand(['preview', 'down', '--name', third!], /removed container/);
    expect((await list()).find(({ name }) => name === third)?.state).toBe('half-made');
    const receipt = await previewDown(third!);
    // And what the killed run had started to remove it with.
    for (const [kind, names] of Object.entries(before)) expect(receipt.removed[kind as keyof typeof before]).toEqual(expect.arrayContaining(names));
    expect(receipt.removed.realms).toEqual([`preview-${third} (${shared})`]);
    expect(objects(third!)).toEqual(none);
    expect(await realmAnswers(interrupted.outputs.issuer)).toBe(404);
    expect((await list()).map(({ name }) => name)).not.toContain(third);
    // Once more: the receipt stays what it was.
    expect(await previewDown(third!)).toEqual(receipt);
  });

  it('of which something is left are a failure that names it and the remedy, until it is gone', async () => {
    docker('volume', 'create', '--label', `dev.drawbridge.stack=${third}`, `drawbridge-${third}-stray`);
    const { code, stdout, stderr } = await npmRun('preview', 'down', '--name', third!, '--json');
    expect({ code, left: (JSON.parse(stdout) as Receipt).left.volumes }).toEqual({ code: 1, left: [`drawbridge-${third}-stray`] });
    expect(stderr).toContain(`docker volume rm drawbridge-${third}-stray`);
    docker('volume', 'rm', `drawbridge-${third}-stray`);
    expect((await npmRun('preview', 'down', '--name', third!)).code).toBe(0);
  });

  it('are swept when they are past their lifetime, but for those that are kept; a dry run only says so', async () => {
    const standing = objects(one!);
    const planned = JSON.parse(await printed('preview', 'sweep', '--older-than', '1s', '--dry-run', '--json')) as { swept: { name: string }[]; left: { name: string; why: string }[] };
    expect(planned.swept.map(({ name }) => name)).toEqual([one]);
    expect(planned.left).toContainEqual({ name: two, why: 'is kept' });
    expect(objects(one!)).toEqual(standing);
    const swept = JSON.parse(await printed('preview', 'sweep', '--json')) as { swept: { name: string; receipt: Receipt }[] };
    expect(swept.swept.map(({ name, receipt }) => ({ name, ...receipt.removed }))).toEqual([expect.objectContaining({ name: one, ...standing })]);
    expect(objects(one!)).toEqual(none);
    expect(objects(two!)).not.toEqual(none);
    expect(await call(previews[1]!.url, await tokenFor(previews[1]!))).toBe(200);
  });
});
