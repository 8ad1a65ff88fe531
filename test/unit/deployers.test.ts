import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError as PulumiError, ConcurrentUpdateError, StackNotFoundError } from '@pulumi/pulumi/automation/index.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Begun, begunIn } from '../../deployers/begun.ts';
import { embeddedDeployer } from '../../deployers/embedded.ts';
import { type Pulumi, pulumiDeployer } from '../../deployers/pulumi.ts';
import { freeSubnets } from '../../engine/providers/subnets.ts';
import { TinyProject } from '../support/engine-project.ts';

/** An error of the Automation API, as it is thrown. */
const thrown = (Kind: typeof ConcurrentUpdateError) => Object.assign(Object.create(Kind.prototype) as Error, { message: 'thrown' });

/** Writes down what is asked of the Automation API. */
function recorder(answers: { stacks?: string[]; begun?: string[]; tags?: Record<string, Record<string, string>>; locked?: boolean; gone?: boolean; fails?: string } = {}) {
  const calls: unknown[][] = [];
  let locked = answers.locked ?? false;
  const note = <T>(answer: T) => (...args: unknown[]) => (calls.push(args), Promise.resolve(answer));
  const named = <T>(name: string, answer: T) => (...args: unknown[]) => note(answer)(name, ...args);
  const working = (name: string, answer: unknown) => async (options: object) => {
    calls.push([name, Object.entries(options).flatMap(([key, value]) => (value === true ? [key] : []))]);
    if (locked) throw thrown(ConcurrentUpdateError);
    if (answers.fails) throw Object.assign(thrown(PulumiError as never), { message: answers.fails });
    return answer;
  };
  const workspace = {
    listStacks: async () => (answers.stacks ?? []).map((name) => ({ name, current: false, resourceCount: name === 'half' ? undefined : 7, updateInProgress: name === 'busy' })),
    listTags: async (name: string) => (name === 'gone' ? Promise.reject(new Error("error: no stack named 'gone' found")) : (answers.tags?.[name] ?? {})),
    createStack: named('createStack', undefined),
    setTag: named('setTag', undefined),
    removeTag: named('removeTag', undefined),
    setAllConfigJson: named('setAllConfigJson', undefined),
    removeAllConfig: named('removeAllConfig', undefined),
    removeStack: named('removeStack', undefined),
    stackOutputs: async () => ({ issuer: { value: 'https://x', secret: false }, testUser: { value: { password: 'p' }, secret: true } }),
  };
  const stack = {
    up: working('up', { summary: { resourceChanges: { create: 3 } }, outputs: { tier: { value: 'host', secret: false } } }),
    destroy: working('destroy', {}),
    // Pulumi keeps what was begun when all else is gone, the provider that says where it is too.
    exportStack: async () => ({
      version: 3,
      deployment: {
        resources: calls.some(([name]) => name === 'destroy') ? [] : [{ urn: 'p', id: '7', type: 'pulumi:providers:docker', inputs: { host: 'ssh://deploy@app' } }],
        pending_operations: (answers.begun ?? []).map((name) => ({ type: 'creating', resource: { urn: 'u', type: 'docker:index/network:Network', provider: 'p::7', inputs: { name } } })),
      },
    }),
    cancel: async () => {
      calls.push(['cancel']);
      locked = false;
    },
  };
  const pulumi = {
    workspace: async () => workspace,
    select: async (name: string) => {
      calls.push(['select', name]);
      if (answers.gone) throw thrown(StackNotFoundError as never);
      return stack;
    },
    cli: named('cli', undefined),
  } as unknown as Pulumi;
  // What was removed once is gone.
  const there = new Set(answers.begun);
  const remove = async (stack: string, begun: readonly Begun[]) => {
    calls.push(['remove', stack, begun.map(({ name, engine }) => `${name} on ${engine}`)]);
    return begun.filter(({ name }) => there.delete(name)).length > 0;
  };
  return { calls, deployer: pulumiDeployer({ projectDirectory: '/project', pulumi, remove }) };
}

describe('the Pulumi CLI, by its Automation API', () => {
  it('has the stack made and its notes kept as tags, before anything is deployed', async () => {
    const { calls, deployer } = recorder({ stacks: ['other'] });
    await deployer.note('pr-1', { url: 'https://pr-1.example.org/mcp', keep: 'false' });
    expect(calls).toEqual([
      ['createStack', 'pr-1'],
      ['setTag', 'pr-1', 'drawbridge:preview-url', 'https://pr-1.example.org/mcp'],
      ['setTag', 'pr-1', 'drawbridge:preview-keep', 'false'],
    ]);
  });

  it('makes no stack that is there', async () => {
    const { calls, deployer } = recorder({ stacks: ['pr-1'] });
    await deployer.note('pr-1', { keep: 'true' });
    expect(calls).toEqual([['setTag', 'pr-1', 'drawbridge:preview-keep', 'true']]);
  });

  it('gets the template’s config by a copy of the CLI’s own, which encrypts its secrets anew, and the rest as typed values, none a secret', async () => {
    const { calls, deployer } = recorder();
    const deployed = await deployer.up({ name: 'pr-1', template: 'staging', changes: { host: 'pr-1.example.org', firstPort: 18_100, authorizationServer: { issuer: 'https://x' }, rotation: undefined } });
    expect(calls).toEqual([
      ['cli', ['config', 'cp', '--stack', 'staging', '--dest', 'pr-1', '--non-interactive']],
      ['removeAllConfig', 'pr-1', ['drawbridge:rotation']],
      ['setAllConfigJson', 'pr-1', JSON.stringify({ 'drawbridge:host': { value: 'pr-1.example.org', secret: false }, 'drawbridge:firstPort': { value: '18100', objectValue: 18_100, secret: false }, 'drawbridge:authorizationServer': { value: '{"issuer":"https://x"}', objectValue: { issuer: 'https://x' }, secret: false } })],
      ['select', 'pr-1'],
      ['up', []],
      ['setTag', 'pr-1', 'drawbridge:whole', 'true'],
    ]);
    expect(deployed).toEqual({ changes: { create: 3 }, outputs: { tier: 'host' } });
  });

  it('does not call whole what it brings up to date, until that is done', async () => {
    const { calls, deployer } = recorder({ stacks: ['pr-1'], tags: { 'pr-1': { 'drawbridge:whole': 'true' } }, fails: 'code: 255\n stdout: \n stderr: error: no\n err?: \n' });
    await expect(deployer.up({ name: 'pr-1', template: 'staging', changes: {} })).rejects.toThrow('error: no');
    expect(calls).toContainEqual(['removeTag', 'pr-1', 'drawbridge:whole']);
    expect(calls.map(([name]) => name)).not.toContain('setTag');
  });

  it('destroys the stack together with its state and config', async () => {
    const { calls, deployer } = recorder();
    await deployer.destroy('pr-1', { evenIfLocked: true });
    expect(calls).toEqual([['select', 'pr-1'], ['destroy', []], ['removeStack', 'pr-1']]);
  });

  it('passes over a stack that is gone', async () => {
    await expect(recorder({ gone: true }).deployer.destroy('pr-1', { evenIfLocked: true })).resolves.toBeUndefined();
  });

  it('takes away the lock of a run that was killed, and goes on', async () => {
    const { calls, deployer } = recorder({ locked: true });
    await deployer.destroy('pr-1', { evenIfLocked: true });
    expect(calls.map(([name]) => name)).toEqual(['select', 'destroy', 'cancel', 'destroy', 'removeStack']);
  });

  it('removes what a killed run had begun to make and nobody knows of, where it is in the way, and tries once more', async () => {
    const { calls, deployer } = recorder({ begun: ['drawbridge-pr-1-edge'], fails: 'code: 255\n stdout: \n stderr: error: already exists\n err?: \n' });
    await expect(deployer.up({ name: 'pr-1', template: 'staging', changes: {} })).rejects.toThrow('already exists');
    expect(calls.slice(3)).toEqual([['select', 'pr-1'], ['up', []], ['remove', 'pr-1', ['drawbridge-pr-1-edge on ssh://deploy@app']], ['up', []]]);
  });

  it('removes that where it was made, which the state says until it is empty, and never while a run may be at work', async () => {
    const { calls, deployer } = recorder({ begun: ['drawbridge-pr-1-edge'] });
    await deployer.destroy('pr-1', { evenIfLocked: false });
    expect(calls).toEqual([['select', 'pr-1'], ['destroy', []], ['remove', 'pr-1', ['drawbridge-pr-1-edge on ssh://deploy@app']], ['removeStack', 'pr-1']]);
    const locked = recorder({ begun: ['drawbridge-pr-1-edge'], locked: true });
    await expect(locked.deployer.destroy('pr-1', { evenIfLocked: false })).rejects.toThrow('is locked');
    expect(locked.calls.map(([name]) => name)).toEqual(['select', 'destroy']);
  });

  it('knows what was begun by the state: its engine, and whether it was made after all', () => {
    const provider = { urn: 'urn:provider', id: '7', type: 'pulumi:providers:docker', inputs: { host: 'ssh://deploy@app' } };
    const network = (name: string, more = {}) => ({ urn: `urn:${name}`, type: 'docker:index/network:Network', inputs: { name }, ...more });
    const container = { urn: 'urn:c', type: 'docker:index/container:Container', inputs: { name: 'c', envs: { secret: 'ciphertext' } }, provider: 'urn:provider::7' };
    const creating = (resource: object) => ({ type: 'creating', resource });
    const deployment = {
      resources: [provider, network('made'), network('elsewhere', { provider: 'urn:provider::7' })],
      pending_operations: [creating(network('begun')), creating(network('made')), creating(network('elsewhere')), creating(container), { type: 'deleting', resource: network('going') }, creating({ urn: 'u', type: 'docker:index/volume:Volume', inputs: { name: 'data' } })],
    };
    expect(begunIn(deployment)).toEqual([
      { kind: 'container', name: 'c', engine: 'ssh://deploy@app' },
      { kind: 'network', name: 'begun', engine: undefined },
      { kind: 'network', name: 'elsewhere', engine: undefined },
    ]);
    for (const nothing of [undefined, {}, { resources: null }]) expect(begunIn(nothing)).toEqual([]);
  });

  it('leaves the lock of a run that may be at work, where nobody has named that preview, and says how it is taken away', async () => {
    const { calls, deployer } = recorder({ locked: true });
    await expect(deployer.destroy('pr-1', { evenIfLocked: false })).rejects.toThrow('stack pr-1 is locked: a run is at work, or was killed. `npm run preview -- down --name pr-1` takes the lock away');
    expect(calls.map(([name]) => name)).toEqual(['select', 'destroy']);
  });

  it('says of a failure what the CLI said on stderr, and nothing of what it printed', async () => {
    const { deployer } = recorder({ stacks: ['shared'], fails: 'code: 255\n stdout: hunter2\n stderr: error: no Pulumi access token\n err?: \n' });
    await expect(deployer.up({ name: 'pr-1', template: 'staging', changes: {} })).rejects.toThrow(/^The Pulumi CLI failed:\nerror: no Pulumi access token$/);
  });

  it('lists all stacks, with the notes of those that are previews, and passes over one that went meanwhile', async () => {
    const { deployer } = recorder({ stacks: ['prod', 'pr-1', 'gone', 'busy', 'half'], tags: { prod: { 'pulumi:project': 'x' }, 'pr-1': { 'drawbridge:preview-keep': 'true', 'drawbridge:whole': 'true', 'vcs:kind': 'github' }, half: { 'drawbridge:preview-keep': 'false' } } });
    expect(await deployer.list()).toEqual([
      { name: 'prod', notes: undefined, state: 'half-made' },
      { name: 'pr-1', notes: { keep: 'true' }, state: 'stands' },
      { name: 'busy', notes: undefined, state: 'at work' },
      { name: 'half', notes: { keep: 'false' }, state: 'half-made' },
    ]);
  });

  it('gives outputs in plain text, and none of a stack that there is not', async () => {
    const { deployer } = recorder({ stacks: ['shared'] });
    expect(await deployer.outputs('shared')).toEqual({ issuer: 'https://x', testUser: { password: 'p' } });
    expect(await deployer.outputs('nowhere')).toBeUndefined();
  });
});

describe('the embedded engine', () => {
  const place = () => {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-deployers-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return { directory, deployer: embeddedDeployer({ projectDirectory: directory, stateDirectory: join(directory, 'state') }) };
  };

  it('lists a preview whose notes are damaged with none, and all others', async () => {
    const { directory, deployer } = place();
    mkdirSync(join(directory, 'state'));
    for (const [name, text] of [['good', '{"keep":"true"}'], ['cut', '{"created":'], ['null', 'null']] as const) writeFileSync(join(directory, `state/${name}.preview`), text);
    expect((await deployer.list()).map(({ name, notes }) => [name, notes])).toEqual([['cut', {}], ['good', { keep: 'true' }], ['null', {}]]);
  });

  it('keeps notes beside the state, for nobody else to read, and lists what is noted as half-made until it stands', async () => {
    const { directory, deployer } = place();
    writeFileSync(join(directory, 'Pulumi.local.yaml'), 'config: {}\n');
    await deployer.note('pr-1', { keep: 'false' });
    expect(await deployer.list()).toEqual([
      { name: 'local', notes: undefined, state: 'half-made' },
      { name: 'pr-1', notes: { keep: 'false' }, state: 'half-made' },
    ]);
    expect(statSync(join(directory, 'state/pr-1.preview')).mode & 0o777).toBe(0o600);
  });

  it('lists one as a preview whose notes are gone and whose file is left', async () => {
    const { directory, deployer } = place();
    writeFileSync(join(directory, 'Pulumi.pr-1.yaml'), '# A preview: made by `npm run preview -- up`, and removed by `npm run preview -- down`. Changes are lost.\nconfig: {}\n');
    expect(await deployer.list()).toEqual([{ name: 'pr-1', notes: {}, state: 'half-made' }]);
  });

  it('destroys one of which nothing but the notes is there', async () => {
    const { deployer } = place();
    await deployer.note('pr-1', { keep: 'false' });
    await deployer.destroy('pr-1', { evenIfLocked: true });
    expect(await deployer.list()).toEqual([]);
  });

  it('deploys with the template’s config and what differs, which other commands find in a file that only its owner reads', { timeout: 60_000 }, async () => {
    const project = new TinyProject(`const config = new pulumi.Config('drawbridge'); export const host = config.get('host'); export const realm = config.get('realm');`);
    const deployer = embeddedDeployer({ projectDirectory: project.directory, stateDirectory: project.stateDirectory });
    project.write('Pulumi.staging.yaml', 'config:\n  drawbridge:host: a.example.org\n  drawbridge:realm: main\n');
    await deployer.note('pr-1', { keep: 'false' });
    expect((await deployer.up({ name: 'pr-1', template: 'staging', changes: { host: 'b.example.org', realm: undefined } })).outputs).toEqual({ host: 'b.example.org' });
    const file = project.path('Pulumi.pr-1.yaml');
    expect(readFileSync(file, 'utf8')).toContain('drawbridge:host: b.example.org');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await deployer.list()).toContainEqual({ name: 'pr-1', notes: { keep: 'false' }, state: 'stands' });
    expect(await deployer.outputs('pr-1')).toEqual({ host: 'b.example.org' });
    await deployer.destroy('pr-1', { evenIfLocked: true });
    expect([existsSync(file), await deployer.outputs('pr-1')]).toEqual([false, undefined]);
  });

  it('gives a program the outputs of another stack (StackReference), the secret ones as secrets', { timeout: 60_000 }, async () => {
    const project = new TinyProject(`export const word = 'open'; export const hidden = pulumi.secret('hunter2hunter2');`);
    await project.up({ stack: 'shared' });
    project.program(`const shared = new pulumi.StackReference(pulumi.getOrganization() + '/tiny/shared');
export const word = shared.getOutput('word'); export const hidden = shared.requireOutput('hidden'); export const missing = shared.getOutput('missing').apply((value) => value ?? 'none');
const c = new Command('c', { create: 'cat', stdin: hidden });`);
    const { outputs, secretOutputs } = await project.up();
    expect(outputs).toEqual({ word: 'open', hidden: 'hunter2hunter2', missing: 'none' });
    expect(secretOutputs).toContain('hidden');
    expect(project.state).not.toContain('hunter2');
    expect(JSON.stringify(project.events)).not.toContain('hunter2');
  });

  it('names a stack that a program refers to and that there is not', { timeout: 60_000 }, async () => {
    const project = new TinyProject(`export const x = new pulumi.StackReference('organization/tiny/nowhere').getOutput('x');`);
    expect(await project.failure(project.up())).toMatch(/There is no stack nowhere in .*Stand it up first/);
  });
});

describe('the subnets of networks', () => {
  const first = (name: string, taken: string[] = []) => freeSubnets(name, taken).next().value;

  it('are small ones of one of Docker’s own pools, of which there are 31 in all: hundreds of networks cost Docker one', () => {
    const names = Array.from({ length: 60 }, (_, index) => `drawbridge-pr-${index}-edge`);
    const taken: string[] = [];
    for (const name of names) taken.push(first(name, taken)!);
    expect(new Set(taken).size).toBe(60);
    expect(taken.every((subnet) => /^172\.30\.\d+\.0\/24$/.test(subnet))).toBe(true);
  });

  it('leave out what is taken, by a network that is larger or smaller, or by the machine itself', () => {
    expect(first('x', ['172.30.0.0/16'])).toMatch(/^172\.29\./);
    expect(first('x', ['172.16.0.0/12'])).toBeUndefined();
    const free = first('x')!;
    expect(first('x', [free.replace('.0/24', '.16/28')])).not.toBe(free);
    expect(first('x', ['10.0.0.0/8', '192.168.1.7/24'])).toBe(free);
  });

  it('begin at different places, so that runs that look at the same time do not all try the same', () => {
    expect(new Set(['a', 'b', 'c', 'd'].map((name) => first(name))).size).toBeGreaterThan(2);
  });
});
