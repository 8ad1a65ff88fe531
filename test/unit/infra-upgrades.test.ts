import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProgramRun, runProgram } from '../support/mocked-program.ts';

const preview = { profile: 'preview', host: 'try.example.org' };
const find = ({ resources }: ProgramRun, name: string, type = 'Container') => resources.find((each) => each.name === name && each.type.endsWith(`:${type}`))!;

let before: ProgramRun;
beforeAll(async () => {
  before = await runProgram('s', preview);
});

/** Of the containers and commands: those with other inputs than before. */
const changed = (run: ProgramRun) => run.resources.filter(({ name, type, inputs }) => /:(Container|Command)$/.test(type) && JSON.stringify(find(before, name, type.split(':').at(-1))?.inputs) !== JSON.stringify(inputs)).map(({ name }) => name);

describe('what a change of the config makes new', () => {
  it('is the gateway, in its other place, with a change of its limits', async () => {
    expect(changed(await runProgram('s', { ...preview, limits: { perUser: 7 } }))).toEqual(['server-place', 'server']);
  });

  it('is no container with a change of the front’s configuration', async () => {
    expect(changed(await runProgram('s', { ...preview, trustedProxies: ['10.0.0.0/8'] }))).toEqual(expect.arrayContaining(['ingress-configuration']));
    expect(changed(await runProgram('s', { ...preview, trustedProxies: ['10.0.0.0/8'] })).filter((name) => find(before, name))).toEqual([]);
  });

  it('leads the front to the new gateway only once that is healthy, and no other way', () => {
    const { dependencies, inputs } = find(before, 'ingress-configuration', 'Command');
    expect(dependencies.join(' ')).toMatch(/Container::server\b/);
    expect(inputs.stdin).toContain('server 127.0.0.1:18080 max_fails=0;\n    server 127.0.0.1:18084 backup;');
    expect(find(before, 'server').inputs.wait).toBe(true);
  });

  it('has no two places where the front publishes a port of its own', async () => {
    const local = await runProgram('s', { profile: 'local' });
    expect([find(local, 'server').inputs.name, find(local, 'front').inputs.name]).toEqual(['drawbridge-s-server', 'drawbridge-s-front']);
    expect(local.resources.filter(({ name }) => name.endsWith('-place'))).toEqual([]);
  });
});

describe('the place of the next container', () => {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-place-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  function next(now: string | undefined, healthy: string[]): string {
    writeFileSync(join(directory, 'docker'), `#!/bin/sh\nprintf '%s\\n' ${healthy.map((place) => `drawbridge-s-server-${place}`).join(' ')}`);
    chmodSync(join(directory, 'docker'), 0o755);
    const env = { PATH: `${directory}:${process.env.PATH}`, ...(now && { PULUMI_COMMAND_STDOUT: now }) };
    return execFileSync('sh', ['-c', find(before, 'server-place', 'Command').inputs.create as string], { env, encoding: 'utf8' }).trim();
  }

  it('is the first at first, and then the other one each time', () => {
    expect([next(undefined, []), next('a', ['a']), next('b', ['b'])]).toEqual(['a', 'b', 'a']);
  });

  it('is not that of the one that serves, where an up before it failed', () => {
    expect([next('b', ['a']), next('a', ['b'])]).toEqual(['b', 'a']);
  });
});
