import { describe, expect, it } from 'vitest';
import { inputDifferences } from '../../engine/differences.ts';
import { Secret, unknown, type Values } from '../../engine/values.ts';
import { TinyProject } from '../support/engine-project.ts';

const between = (before: Values, after: Values) => inputDifferences(before, after, [...new Set([...Object.keys(before), ...Object.keys(after)])]);

describe('the differences of inputs', () => {
  it('are named by their path, each with what is expected and what is found', () => {
    expect(between({ memory: 256, labels: { a: '1', b: '2' }, gone: 'x' }, { memory: 512, labels: { a: '1', b: '3' }, added: true })).toEqual([
      { path: 'memory', expected: '512', found: '256' },
      { path: 'labels.b', expected: '3', found: '2' },
      { path: 'gone', expected: 'nothing', found: 'x' },
      { path: 'added', expected: 'true', found: 'nothing' },
    ]);
  });

  it('of an environment are those of its variables', () => {
    expect(between({ envs: ['A=1', 'B=2=2'] }, { envs: ['B=2=3', 'A=1', 'C='] })).toEqual([
      { path: 'envs.B', expected: '2=3', found: '2=2' },
      { path: 'envs.C', expected: '', found: 'nothing' },
    ]);
  });

  it('show no secret, not even one that was none before', () => {
    expect(between({ envs: new Secret(['A=1', 'KEY=former']) }, { envs: ['A=1', 'KEY=other'] })).toEqual([{ path: 'envs.KEY', expected: '[secret]', found: '[secret]' }]);
    expect(between({ stdin: 'plain' }, { stdin: new Secret('hidden') })).toEqual([{ path: 'stdin', expected: '[secret]', found: '[secret]' }]);
    expect(between({ list: [new Secret('hidden'), 'x'] }, { list: ['x'] })).toEqual([{ path: 'list', expected: '["x"]', found: '[secret]' }]);
  });

  it('may only be known after an up', () => {
    expect(between({ image: 'sha256:1' }, { image: unknown })).toEqual([{ path: 'image', expected: 'known after up', found: 'sha256:1' }]);
  });
});

describe('a preview of the embedded engine', { timeout: 60_000 }, () => {
  it('tells what differs, and what the program wants of each resource, and masks what it knows as a secret', async () => {
    const program = (word: string) => `new Command('c', { create: 'true', environment: { WORD: '${word}', KEY: pulumi.secret('${word}-hidden') } }); new Command('d', { create: 'true', stdin: 'same' });`;
    const project = new TinyProject(program('one'));
    await project.up();
    project.program(program('two'));
    const { wanted } = await project.preview();
    expect(project.events.filter((event) => event.kind === 'planned' && event.action !== 'same')).toEqual([
      expect.objectContaining({ name: 'c', action: 'update', differences: [{ path: 'environment.KEY', expected: '[secret]', found: '[secret]' }, { path: 'environment.WORD', expected: 'two', found: 'one' }] }),
    ]);
    expect(wanted.map(({ name, inputs }) => [name, inputs['environment'] ?? inputs['stdin']]).sort()).toEqual([['c', { WORD: 'two', KEY: 'two-hidden' }], ['d', 'same']]);
  });

  it('and an up set anew what others saw to be changed by hand', async () => {
    const project = new TinyProject(`new Command('c', { create: say('c') }); new Command('d', { create: say('d') });`);
    await project.up();
    const { wanted } = await project.preview();
    const refresh = { [wanted.find(({ name }) => name === 'c')!.urn]: [{ path: 'line', expected: 'ours', found: 'theirs' }] };
    await project.preview({ refresh });
    expect(project.decision('c')).toEqual({ action: 'update', reason: 'drift: changed by hand' });
    expect((await project.up({ refresh })).changes).toMatchObject({ update: 1, same: 1 });
    expect(project.said.sort()).toEqual(['c', 'c', 'd']);
  });
});
