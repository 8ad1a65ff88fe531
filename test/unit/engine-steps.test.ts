import { describe, expect, test } from 'vitest';
import { TinyProject } from '../support/engine-project.ts';

describe('steps of the embedded engine', { timeout: 60_000 }, () => {
  test('makes resources in the order of their dependencies, and independent ones at the same time', async () => {
    const project = new TinyProject(`
      const a = new Command('a', { create: 'sleep 0.5; echo a' });
      const b = new Command('b', { create: 'sleep 0.5; echo b' });
      const c = new Command('c', { create: 'cat', stdin: pulumi.interpolate\`\${a.stdout}\${b.stdout}\` });
      export const joined = c.stdout;`);
    const outcome = await project.up();
    const order = project.events.flatMap((event) => (event.kind === 'started' || event.kind === 'finished' ? [`${event.kind} ${event.name}`] : []));
    expect(order.slice(0, 2).sort()).toEqual(['started a', 'started b']);
    expect(order.slice(-2)).toEqual(['started c', 'finished c']);
    expect(outcome).toMatchObject({ changes: { create: 3 }, outputs: { joined: 'ab' } });
  });

  test('does nothing when nothing has changed, and gives the same outputs', async () => {
    const project = new TinyProject(`
      class Group extends pulumi.ComponentResource {
        readonly child: command.local.Command;
        constructor() { super('tiny:Group', 'group'); this.child = new Command('child', { create: say('child') }, { parent: this }); this.registerOutputs({}); }
      }
      export const said = new Group().child.stdout;`);
    const first = await project.up();
    const second = await project.up();
    expect(project.steps).toEqual([]);
    expect(second.changes).toEqual({ create: 0, update: 0, replace: 0, delete: 0, same: 1 });
    expect(second.outputs).toEqual(first.outputs);
    expect((await project.outputs())?.outputs).toEqual({ said: 'child' });
  });

  test('updates a command whose script changed, with what it printed before', async () => {
    const project = new TinyProject(`new Command('c', { create: say('one'), update: 'echo "$PULUMI_COMMAND_STDOUT" again >> ' });`);
    await project.up();
    project.program(`new Command('c', { create: say('one'), update: 'echo "again $PULUMI_COMMAND_STDOUT" >> ${project.path('log')}' });`);
    expect((await project.up()).changes).toMatchObject({ update: 1 });
    expect(project.said).toEqual(['one', 'again one']);
  });

  test('replaces on changed triggers: the new one is made before the old one is deleted', async () => {
    const program = (trigger: string, options = '{}') => `new Command('c', { create: say('made-${trigger}'), delete: say('deleted-${trigger}'), triggers: ['${trigger}'] }, ${options});`;
    const project = new TinyProject(program('1'));
    await project.up();
    project.program(program('2'));
    expect((await project.up()).changes).toMatchObject({ replace: 1, delete: 0 });
    expect(project.decision('c')).toEqual({ action: 'replace', reason: 'changed: create, delete, triggers' });
    expect(project.said).toEqual(['made-1', 'made-2', 'deleted-1']);
    project.program(program('3', '{ deleteBeforeReplace: true }'));
    await project.up();
    expect(project.said.slice(3)).toEqual(['deleted-2', 'made-3']);
  });

  test('deletes first what is built on a resource that must be deleted before it is replaced', async () => {
    const program = (trigger: string) => `
      const base = new Command('base', { create: say('base-${trigger}'), delete: say('no-base'), triggers: ['${trigger}'] }, { deleteBeforeReplace: true });
      new Command('built', { create: say('built'), delete: say('no-built'), triggers: [base.id] });
      new Command('beside', { create: say('beside') }, { dependsOn: [base] });`;
    const project = new TinyProject(program('1'));
    await project.up();
    project.program(program('2'));
    expect((await project.up()).changes).toMatchObject({ replace: 2, same: 1 });
    expect(project.said.slice(3)).toEqual(['no-built', 'no-base', 'base-2', 'built']);
    expect(project.decision('beside')?.action).toBe('same');
  });

  test('deletes what the program no longer has, dependents first, and on down everything with its state', async () => {
    const project = new TinyProject(`
      const a = new Command('a', { create: say('a'), delete: say('no-a') });
      const b = new Command('b', { create: say('b'), delete: say('no-b') }, { dependsOn: [a] });
      new Command('c', { create: say('c'), delete: say('no-c'), stdin: b.stdout });`);
    await project.up();
    project.program(`const a = new Command('a', { create: say('a'), delete: say('no-a') });`);
    expect((await project.up()).changes).toMatchObject({ delete: 2, same: 1 });
    expect(project.said.slice(3)).toEqual(['no-c', 'no-b']);
    expect((await project.down()).changes).toMatchObject({ delete: 1 });
    expect(project.said.slice(5)).toEqual(['no-a']);
    expect(project.has('.state')).toBe(false);
    expect((await project.down()).changes).toMatchObject({ delete: 0 });
    expect(await project.outputs()).toBeUndefined();
  });

  test('keeps what is protected: down and up say so and touch nothing', async () => {
    const program = (body: string) => `new Command('other', { create: say('other'), delete: say('no-other') }); ${body}`;
    const project = new TinyProject(program(`new Command('kept', { create: say('kept'), triggers: [1] }, { protect: true });`));
    await project.up();
    expect(await project.failure(project.down())).toMatch(/protected: kept\.[^]*protect to false/);
    project.program(program(`new Command('kept', { create: say('kept'), triggers: [2] }, { protect: true });`));
    expect(await project.failure(project.up())).toMatch(/kept would have to be replaced .*protected/);
    project.program('');
    expect(await project.failure(project.up())).toMatch(/kept: the program no longer has it, but it is protected/);
    expect(project.said).toEqual(['other', 'kept']);
    project.program(program(`new Command('kept', { create: say('kept'), triggers: [1] }, { protect: false });`));
    await project.up();
    expect((await project.down()).changes).toMatchObject({ delete: 2 });
  });

  test('honours ignoreChanges and replaceOnChanges', async () => {
    const program = (word: string) => `
      new Command('ignoring', { create: say('${word}') }, { ignoreChanges: ['create'] });
      new Command('replacing', { create: say('${word}') }, { replaceOnChanges: ['create'] });`;
    const project = new TinyProject(program('one'));
    await project.up();
    project.program(program('two'));
    await project.up();
    expect([project.decision('ignoring')?.action, project.decision('replacing')?.action]).toEqual(['same', 'replace']);
  });

  test('lets other steps end when one fails, starts no more, and goes on from there next time', async () => {
    const project = new TinyProject(`
      new Command('slow', { create: 'sleep 0.7; ' + say('slow') });
      const bad = new Command('bad', { create: 'sleep 0.2; echo no luck >&2; test -e ${'${process.cwd()}'}/luck' });
      new Command('after', { create: say('after'), stdin: bad.stdout });`.replace("'sleep 0.2", '`sleep 0.2').replace("/luck'", '/luck`'));
    const message = await project.failure(project.up());
    expect(message).toBe('Command bad: the command ended with 1:\nno luck');
    expect(project.said).toEqual(['slow']);
    project.write('luck', '');
    expect((await project.up()).changes).toMatchObject({ create: 2, same: 1 });
    expect(project.decision('bad')).toEqual({ action: 'create', reason: 'an earlier run did not finish it' });
    expect(project.said).toEqual(['slow', 'after']);
  });

  test('stops on a signal: running commands are killed, and the next up goes on', async () => {
    const project = new TinyProject(`const a = new Command('a', { create: 'test -e again || sleep 60' }); new Command('b', { create: say('b'), stdin: a.stdout });`);
    const controller = new AbortController();
    const started = Date.now();
    const message = await project.failure(
      project.up({ signal: controller.signal, onEvent: (event) => event.kind === 'started' && setTimeout(() => controller.abort(), 100) }),
    );
    expect(message).toMatch(/^Cancelled/);
    expect(Date.now() - started).toBeLessThan(10_000);
    project.write('again', '');
    expect((await project.up()).changes).toMatchObject({ create: 2 });
  });

  test('a preview names what up would do and touches nothing', async () => {
    const project = new TinyProject(`export const made = new Command('new', { create: say('new') }).stdout;`);
    const outcome = await project.preview();
    expect(outcome).toMatchObject({ changes: { create: 1 }, outputs: { made: '(known after up)' } });
    expect([project.has('log'), project.has('.state')]).toEqual([false, false]);
    await project.up();
    const before = project.state;
    project.program(`const other = new Command('other', { create: say('other') }); new Command('third', { create: 'cat', stdin: other.stdout });`);
    expect((await project.preview()).changes).toMatchObject({ create: 2, delete: 1 });
    expect(project.state).toBe(before);
    expect(project.said).toEqual(['new']);
  });
});
