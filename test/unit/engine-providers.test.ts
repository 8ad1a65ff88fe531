import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contextFiles } from '../../engine/providers/build-context.ts';
import { containerSpec, nanoseconds } from '../../engine/providers/container-spec.ts';
import { explain, isOurs } from '../../engine/providers/docker.ts';
import { randomPassword } from '../../engine/providers/random-password.ts';
import type { Step } from '../../engine/providers/provider.ts';
import { TinyProject } from '../support/engine-project.ts';

const password = async (inputs: Record<string, unknown>) => String((await randomPassword.create(inputs, {} as Step)).outputs['result']);

describe('RandomPassword', () => {
  test('has the length asked for, every kind of character by default, and is never the same', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => password({ length: 64 })));
    expect(new Set(made).size).toBe(50);
    for (const kind of [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/]) expect(made.join('')).toMatch(kind);
    expect(made.every((each) => each.length === 64)).toBe(true);
  });

  test('leaves out and requires the characters it is told to', async () => {
    expect(await password({ length: 40, special: false })).toMatch(/^[a-zA-Z0-9]{40}$/);
    expect(await password({ length: 40, upper: false, lower: false, numeric: false, overrideSpecial: '-_' })).toMatch(/^[-_]{40}$/);
    const exact = await password({ length: 6, minLower: 1, minUpper: 2, minNumeric: 2, minSpecial: 1 });
    expect([...exact].sort().join('')).toMatch(/^[^a-zA-Z0-9]*\d{2}[^a-zA-Z0-9]*[A-Z]{2}[^a-zA-Z0-9]*[a-z][^a-zA-Z0-9]*$/);
  });

  test('refuses a length below the minimums, and an empty alphabet', () => {
    expect(randomPassword.check?.({ length: 3, minLower: 4 })).toMatch(/length/);
    expect(randomPassword.check?.({ length: 3, upper: false, lower: false, number: false, special: false })).toMatch(/no kind/);
  });
});

describe('the build context', () => {
  const files = (ignore: string, dockerfile = 'Dockerfile') => {
    const project = new TinyProject('');
    for (const name of ['context/Dockerfile', 'context/a/Dockerfile', 'context/a/deep/x.ts', 'context/a/y.ts', 'context/b/z.md', 'context/.env']) {
      mkdirSync(dirname(project.path(name)), { recursive: true });
      writeFileSync(project.path(name), '');
    }
    project.write('context/.dockerignore', ignore);
    return contextFiles(project.path('context'), dockerfile);
  };

  test('leaves out what .dockerignore names', () => {
    expect(files('# comment\n.env\n**/*.ts\n')).toEqual(['.dockerignore', 'Dockerfile', 'a/Dockerfile', 'b/z.md']);
  });

  test('of an allow-list holds what is allowed, and what Docker itself needs', () => {
    expect(files('*\n!a/deep\n', 'b/none')).toEqual(['.dockerignore', 'a/deep/x.ts']);
    expect(files('*\n!a/deep/**\n', 'a/Dockerfile')).toEqual(['.dockerignore', 'a/Dockerfile', 'a/deep/x.ts']);
    expect(files('*\n!**/*.md\n', 'Dockerfile')).toEqual(['.dockerignore', 'Dockerfile', 'b/z.md']);
  });
});

test('a container is described to Docker with all that its inputs say', () => {
  expect(
    containerSpec({
      name: 'c', image: 'i', user: '1:1', readOnly: true, capabilities: { drops: ['ALL'] }, securityOpts: ['no-new-privileges'], memory: 64,
      tmpfs: { '/tmp': 'size=1m' }, volumes: [{ volumeName: 'v', containerPath: '/v', readOnly: true }], mounts: [{ type: 'bind', source: '/srv', target: '/s', readOnly: true }], hosts: [{ host: 'h', ip: '10.0.0.1' }],
      networksAdvanced: [{ name: 'edge', aliases: ['web'] }, { name: 'data' }], ports: [{ internal: 80, external: 8080, ip: '127.0.0.1' }],
      restart: 'unless-stopped', init: true, stopTimeout: 5, healthcheck: { tests: ['CMD', 'true'], interval: '3s', timeout: '500ms', retries: 2, startPeriod: '1m30s' },
    }),
  ).toMatchObject({
    name: 'c', Image: 'i', User: '1:1', StopTimeout: 5, ExposedPorts: { '80/tcp': {} },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 3e9, Timeout: 5e8, Retries: 2, StartPeriod: 9e10 },
    NetworkingConfig: { EndpointsConfig: { edge: { Aliases: ['web'] } } },
    HostConfig: {
      ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Tmpfs: { '/tmp': 'size=1m' }, Binds: ['v:/v:ro'], Mounts: [{ Type: 'bind', Source: '/srv', Target: '/s', ReadOnly: true }], NetworkMode: 'edge',
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] }, RestartPolicy: { Name: 'unless-stopped' }, Init: true, Memory: 67108864, ExtraHosts: ['h:10.0.0.1'],
    },
  });
  expect([nanoseconds('1h'), nanoseconds('0s'), nanoseconds(undefined)]).toEqual([3.6e12, 0, undefined]);
});

test("Docker's errors say what to do about a full disk, a closed socket and a missing engine", () => {
  expect(explain(Object.assign(new Error('x'), { json: { message: 'write /layer: no space left on device' } })).message).toMatch(/disk .* is full .*docker system prune/);
  expect(explain(Object.assign(new Error('connect EACCES'), { code: 'EACCES', syscall: 'connect' })).message).toMatch(/group docker/);
  expect(explain(Object.assign(new Error('connect ENOENT'), { code: 'ENOENT', syscall: 'connect' })).message).toMatch(/no Docker engine answers .*systemctl start docker/);
});

test('an object is ours by the label of our stack, or else by all labels that are wanted; without labels it never is', () => {
  expect(isOurs({ 'dev.drawbridge.stack': 'a', other: '1' }, { 'dev.drawbridge.stack': 'a', other: '2' })).toBe(true);
  expect(isOurs({ 'dev.drawbridge.stack': 'b' }, { 'dev.drawbridge.stack': 'a' })).toBe(false);
  expect(isOurs({ x: '1', y: '2' }, { x: '1' })).toBe(true);
  expect(isOurs({ x: '1' }, {})).toBe(false);
  expect(isOurs(null, { x: '1' })).toBe(false);
});
