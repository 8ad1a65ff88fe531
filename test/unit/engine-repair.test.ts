import { writeFileSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TinyProject } from '../support/engine-project.ts';

/** Three commands in a row; the middle one is made once there is a file `made`, and deleted once there is a file `gone`: what a killed run leaves ends after a while. */
const program = `
  const a = new Command('a', { create: say('a'), delete: say('no-a') });
  const wait = (file: string) => '; for i in $(seq 600); do test -e ' + file + ' && break; sleep 0.05; done; ';
  const b = new Command('b', { create: say('b-begins') + wait('made') + say('b-ends'), delete: say('no-b-begins') + wait('gone') + say('no-b-ends'), stdin: a.stdout });
  new Command('c', { create: say('c'), delete: say('no-c'), stdin: b.stdout });`;
const begins = (line: string) => (event: { kind: string; line?: string }) => event.kind === 'progress' && event.line === line;

describe('a run of the embedded engine that was killed (SIGKILL)', { timeout: 60_000 }, () => {
  test('in the middle of a create is repaired by the next up', async () => {
    const project = new TinyProject(program);
    await project.killed('up', begins('b-begins'));
    project.write('made', '');
    expect((await project.up()).changes).toMatchObject({ create: 2, same: 1 });
    expect(project.decision('b')?.reason).toBe('an earlier run did not finish it');
    expect((await project.up()).changes).toMatchObject({ same: 3 });
  });

  test('in the middle of a create is removed whole by down', async () => {
    const project = new TinyProject(program);
    await project.killed('up', begins('b-begins'));
    project.write('gone', '');
    expect((await project.down()).changes).toMatchObject({ delete: 2 });
    expect(project.said).toEqual(expect.arrayContaining(['a', 'b-begins', 'no-b-ends', 'no-a']));
    expect(project.has('.state')).toBe(false);
  });

  test('in the middle of a down is finished by down, or put right by up', async () => {
    const project = new TinyProject(program);
    project.write('made', '');
    await project.up();
    await project.killed('down', begins('no-b-begins'));
    project.write('gone', '');
    await project.up();
    expect(project.decision('b')).toEqual({ action: 'replace', reason: 'an earlier run did not finish it' });
    expect((await project.up()).changes).toMatchObject({ same: 3 });
    expect((await project.down()).changes).toMatchObject({ delete: 3 });
    expect(project.has('.state')).toBe(false);
  });

  test('in the middle of an update updates again, even where the program has gone back to what it was', async () => {
    const project = new TinyProject(`new Command('c', { create: say('one') });`);
    await project.up();
    project.program(`new Command('c', { create: say('two') + '; sleep 5' });`);
    await project.killed('up', begins('two'));
    project.program(`new Command('c', { create: say('one') });`);
    expect((await project.up()).changes).toMatchObject({ update: 1 });
    expect((await project.up()).changes).toMatchObject({ same: 1 });
  });

  test('in the middle of a replacement still deletes the replaced one', async () => {
    const replaced = (trigger: number) => `new Command('c', { create: say('made-${trigger}') + '; test -e go || sleep 60', delete: say('deleted-${trigger}'), triggers: [${trigger}] });`;
    const project = new TinyProject(replaced(1));
    project.write('go', '');
    await project.up();
    project.program(replaced(2).replace('test -e go', 'test -e gone'));
    await project.killed('up', begins('made-2'));
    project.write('gone', '');
    await project.up();
    expect(project.said).toEqual(['made-1', 'made-2', 'made-2', 'deleted-1']);
  });
});

describe('the lock of a stack', { timeout: 60_000 }, () => {
  test('is taken over when its process is gone, or its number belongs to another process by now', async () => {
    const project = new TinyProject(`new Command('c', {});`);
    const lock = join(project.stateDirectory, 'dev.lock');
    for (const stale of ['4194999 1', `${process.pid} 1`, '', 'garbage']) {
      mkdirSync(project.stateDirectory, { recursive: true });
      writeFileSync(lock, stale);
      await project.up();
      expect(readdirSync(project.stateDirectory)).toEqual(['dev.json']);
    }
  });

  test('keeps a second run out while the first is at work, and the error names the process', async () => {
    const project = new TinyProject(`new Command('c', { create: 'sleep 1' });`);
    const first = project.up();
    expect(await project.failure(project.down())).toMatch(new RegExp(`process ${process.pid}.*Wait`));
    await first;
  });
});

test('the state is replaced as a whole: a reader never sees half of it', { timeout: 60_000 }, async () => {
  const project = new TinyProject(`for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) new Command(name, { create: 'true', triggers: ['x'.repeat(10_000)] });`);
  const running = project.up();
  let reads = 0;
  let done = false;
  void running.finally(() => (done = true));
  while (!done) {
    if (project.has('.state/dev.json')) {
      JSON.parse(readFileSync(project.statePath, 'utf8'));
      reads++;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await running;
  expect(reads).toBeGreaterThan(0);
});
