import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Receipt } from '../../cli/previews/receipt.ts';
import { gatherFacts } from '../../host/facts.ts';
import { planPreparation, preparationScript } from '../../host/preparation.ts';
import { runScript } from '../../host/shell.ts';
import { LabClient } from '../hosts/client.ts';
import { Clone } from '../hosts/clone.ts';
import type { TestHost } from '../hosts/host.ts';
import { changesSince, inventory } from '../hosts/inventory.ts';
import { Lab } from '../hosts/lab.ts';
import { LabStack } from '../hosts/stack.ts';

const target = 'ssh://deploy@app';
/** So that its host is the one that the lab's clients know: below the template's domain. */
const name = 'mcp';
const template = { profile: 'preview', host: `template.${LabStack.domain}`, deploy: { app: target, proxy: target } };

const clone = new Clone();
/** Who sweeps has a checkout of the repository, and no file of any preview. */
const elsewhere = new Clone();
const backend = mkdtempSync(join(tmpdir(), 'drawbridge-pulumi-'));
let lab: Lab;
let stack: LabStack;
let app: TestHost;
let before: string[];

const environment = () => ({ ...process.env, PULUMI_BACKEND_URL: `file://${backend}`, PULUMI_CONFIG_PASSPHRASE: 'test', PULUMI_SKIP_UPDATE_CHECK: '1' });

const run = (directory: string, program: string, ...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(program, args, { cwd: directory, env: environment(), maxBuffer: 64 << 20 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
const npmRun = (directory: string, ...args: string[]) => run(directory, process.execPath, 'cli/launch.js', ...args);

/** What a command that must succeed prints with --json. */
async function json<T>(directory: string, ...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await npmRun(directory, ...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')}: ${String(code)}\n${stderr}`);
  return JSON.parse(stdout) as T;
}
const list = (directory: string) => json<{ name: string; state: string; url: string }[]>(directory, 'preview', 'list');
const containers = async () => (await app.run("docker ps --format '{{.Names}}' | sort")).split('\n').filter(Boolean);

/** Ends the command and the CLI below it, as a runner does whose job is cancelled, while the host makes a network: it will have one that no state knows of. */
async function killedUp(): Promise<void> {
  const child = spawn(process.execPath, ['cli/launch.js', 'preview', 'up', '--name', name, '--from', 'template'], { cwd: clone.directory, env: environment(), detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<NodeJS.Signals | null>((done) => child.once('close', (_, signal) => done(signal)));
  for await (const line of createInterface({ input: child.stdout })) if (/docker:index:Network .*creat/.test(line)) process.kill(-child.pid!, 'SIGKILL');
  expect(await ended).toBe('SIGKILL');
}

/** What only the real CLI can get wrong: tags, locks, config that is copied and encrypted anew, destruction from elsewhere. */
describe('previews by the real Pulumi CLI, on a machine that it reaches by ssh', { timeout: 600_000, retry: 0 }, () => {
  beforeAll(async () => {
    lab = await Lab.create(console.error);
    app = await lab.addHost('app');
    await app.run('ufw allow 22/tcp && ufw --force enable');
    stack = await LabStack.over(lab, { app });
    const facts = await gatherFacts(target, { names: [] });
    await runScript(target, preparationScript(facts.family!, planPreparation(facts)), { root: true });
    before = await inventory(app);
    await stack.leadTo(app);
    const config = Object.fromEntries(Object.entries(stack.config(template)).map(([key, value]) => [`drawbridge:${key}`, value]));
    for (const { directory } of [clone, elsewhere]) writeFileSync(join(directory, 'Pulumi.template.yaml'), stringify({ config }));
    expect(await run(clone.directory, 'pulumi', 'stack', 'init', 'template', '--non-interactive')).toMatchObject({ code: 0 });
    // A secret of the template's, which the preview gets encrypted for itself.
    expect(await run(clone.directory, 'pulumi', 'config', 'set', '--secret', '--path', 'drawbridge:secrets.unused', 'very-secret', '--stack', 'template')).toMatchObject({ code: 0 });
  }, 600_000);
  afterAll(async () => {
    await stack?.close();
    await lab?.close();
    clone.remove();
    elsewhere.remove();
    rmSync(backend, { recursive: true });
  });

  it('are listed as half-made after their up was killed, from any checkout', async () => {
    await killedUp();
    for (const { directory } of [clone, elsewhere]) expect((await list(directory))).toEqual([expect.objectContaining({ name, state: 'half-made', url: LabStack.url })]);
  });

  it('come up in the next run, which takes the lock of the killed one, and let a client sign in and call', async () => {
    const { url, outputs } = await json<{ url: string; outputs: { testUser: { username: string; password: string } } }>(clone.directory, 'preview', 'up', '--name', name, '--from', 'template');
    expect(url).toBe(LabStack.url);
    (await LabClient.connect(stack, outputs.testUser)).leave();
    expect((await list(elsewhere.directory)).map(({ state }) => state)).toEqual(['stands']);
    expect(await containers()).toEqual(['backend-mcp', 'certificates', 'database', 'front-a', 'keycloak', 'server-a'].map((role) => `drawbridge-${name}-${role}`));
  });

  it('have no drift as they were left, and what was changed by hand is said', async () => {
    expect(await json(clone.directory, 'drift', '--stack', name)).toMatchObject({ ok: true, findings: [] });
    await app.run(`docker stop -t 1 drawbridge-${name}-backend-mcp`);
    const { code, stdout } = await npmRun(clone.directory, 'drift', '--stack', name, '--json');
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as { findings: { what: string }[] }).findings.map(({ what }) => what).join('\n')).toContain('backend-mcp');
  });

  it('are swept from another checkout, with a receipt, and leave the machine as it was', async () => {
    const { swept } = await json<{ swept: { name: string; receipt?: Receipt; error?: string }[] }>(elsewhere.directory, 'preview', 'sweep', '--older-than', '1s');
    expect(swept.map(({ name, error }) => ({ name, error }))).toEqual([{ name, error: undefined }]);
    const { removed, left } = swept[0]!.receipt!;
    expect(Object.values(left).flat()).toEqual([]);
    expect([removed.containers.length > 5, removed.volumes.length > 3, removed.firewall.length, removed.stack]).toEqual([true, true, 1, [name]]);
    expect(await changesSince(before, app)).toEqual([]);
    expect(await list(clone.directory)).toEqual([]);
    expect((await run(clone.directory, 'pulumi', 'stack', 'ls', '--json')).stdout).not.toContain(`"${name}"`);
  });
});
