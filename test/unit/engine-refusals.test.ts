import { describe, expect, test } from 'vitest';
import { TinyProject } from '../support/engine-project.ts';

describe('what the embedded engine refuses', { timeout: 60_000 }, () => {
  test.each([
    ['a resource type', `new docker.Secret('s', { data: 'eA==' });`, /s: .*docker:index\/secret:Secret.*It knows .*Command/],
    ['an explicit provider of another kind', `new random.Provider('p', {});`, /pulumi:providers:random/],
    ['an input of the Docker provider', `new docker.Provider('p', { host: 'ssh://a@b', certPath: '/x' });`, /docker p: .*the input certPath/],
    ['an input', `new Command('c', { create: 'true', assetPaths: ['x'] });`, /Command c: .*the input assetPaths/],
    ['a nested input', `new docker.Container('c', { name: 'c', image: 'i', ports: [{ internal: 1 }], volumes: [{ hostPath: '/', containerPath: '/x' }] });`, /Container c: .*volumes\.hostPath/],
    ['a build input', `new docker.RemoteImage('i', { name: 'i', build: { context: '.', secrets: [] } });`, /RemoteImage i: .*build\.secrets/],
    ['a name left to chance', `new docker.Network('n', {});`, /Network n: the input name is required/],
    ['a function', `await docker.getNetwork({ name: 'x' });`, /function docker:index\/getNetwork:getNetwork/],
    ['reading an existing resource', `docker.Network.get('n', 'id');`, /Network n: .*cannot read/],
    ['the option retainOnDelete of a component', `new pulumi.ComponentResource('tiny:Group', 'g', {}, { retainOnDelete: true });`, /tiny:Group g: .*option retainOnDelete of a component/],
    ['the option aliases', `new Command('c', {}, { aliases: ['urn:pulumi:dev::tiny::command:local:Command::old'] });`, /option aliases/],
    ['an alias that is a type it knows', `new Command('c', {}, { aliases: [{ type: 'docker:index/network:Network' }] });`, /option aliases/],
    ['the option import', `new Command('c', {}, { import: 'x' });`, /option import/],
    ['the option customTimeouts', `new Command('c', {}, { customTimeouts: { create: '1m' } });`, /option customTimeouts/],
    ['the option deletedWith', `const a = new random.RandomPassword('a', { length: 8 }); new Command('c', {}, { deletedWith: a });`, /option deletedWith/],
    ['the option replaceWith', `const a = new random.RandomPassword('a', { length: 8 }); new Command('c', {}, { replaceWith: [a] });`, /option replaceWith/],
    ['the option transforms', `new Command('c', {}, { transforms: [() => undefined] });`, /transforms/],
    ['the option hooks', `new Command('c', {}, { hooks: { afterCreate: [async () => {}] } });`, /hooks/],
    ['a path in ignoreChanges', `new Command('c', {}, { ignoreChanges: ['environment.X'] });`, /Command c: .*ignoreChanges.*environment\.X/],
    ['a secret in a process argument', `new Command('c', { create: pulumi.secret('echo hunter2hunter2') });`, /Command c: the input create holds a secret.*environment or stdin/],
    ['one URN twice', `new Command('c', {}); new Command('c', {});`, /Command c: .*twice/],
  ])('%s it does not know is an error that names it', async (_, program, expected) => {
    const project = new TinyProject(program);
    const message = await project.failure(project.up());
    expect(message).toMatch(expected);
    expect(message).not.toMatch(/hunter2|\n\s+at /);
    expect(project.has('log')).toBe(false);
  });

  test('shows what the program says is wrong with its config, without stack frames, and makes nothing', async () => {
    const project = new TinyProject(`throw new Error('config: host is missing\\ntier: is none of host, tunnel');`);
    expect(await project.failure(project.up())).toBe('Error: config: host is missing\ntier: is none of host, tunnel');
    project.program(`throw new pulumi.RunError('host is missing');`);
    expect(await project.failure(project.up())).toBe('host is missing');
    expect(project.has('.state')).toBe(false);
  });

  test('deletes nothing when the program ends before it is done', async () => {
    const project = new TinyProject(`new Command('c', { create: say('c'), delete: say('no-c') });`);
    await project.up();
    project.program('process.exit(0);');
    expect(await project.failure(project.up())).toMatch(/before it was done/);
    project.program(`console.error('out of luck'); process.exit(3);`);
    expect(await project.failure(project.up())).toMatch(/ended with 3 before it was done\.\nout of luck/);
    expect(project.said).toEqual(['c']);
  });

  test('a project without Pulumi.yaml or without its main file is an error that says so', async () => {
    const project = new TinyProject('');
    project.write('Pulumi.yaml', 'name: tiny\nmain: gone.ts\n');
    expect(await project.failure(project.up())).toMatch(/main is gone\.ts, and there is no such file/);
    expect(await project.failure(project.up({ projectDirectory: project.path('nowhere') }))).toMatch(/no Pulumi\.yaml/);
  });
});
