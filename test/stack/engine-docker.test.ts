import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { TinyProject } from '../support/engine-project.ts';

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const inspect = (name: string, format: string) => docker('inspect', '-f', format, name);
const exists = (...args: string[]) => {
  try {
    docker(...args);
    return true;
  } catch {
    return false;
  }
};

/** The base of the test's image: any with a shell does, and this one is there when the stack is. */
let base: string;
/** Label and prefix of all that one test makes. */
let scope: string;

beforeAll(() => {
  const lines = execFileSync(process.execPath, [resolve(import.meta.dirname, '../../images/base.ts'), 'nginx'], { encoding: 'utf8' }).trim().split('\n');
  base = (JSON.parse(lines.at(-1)!) as { image: string }).image;
});
beforeEach(() => {
  scope = `engine-${randomBytes(4).toString('hex')}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  // What a failed test has left.
  const listed = (args: string[]) => docker(...args, '-q', '--filter', `label=dev.drawbridge.stack=${scope}`).split('\n').filter(Boolean);
  for (const id of listed(['ps', '-a'])) docker('rm', '-f', id);
  for (const id of listed(['network', 'ls'])) docker('network', 'rm', id);
  for (const id of listed(['volume', 'ls'])) docker('volume', 'rm', id);
  for (const tag of docker('images', '--format', '{{.Repository}}:{{.Tag}}', `${scope}.local/tiny`).split('\n').filter(Boolean)) docker('rmi', '-f', tag);
});

interface Varied {
  note?: string;
  health?: string;
  /** After how many failed checks, half a second apart, it counts as unhealthy. */
  retries?: number;
  command?: string;
  ports?: string;
  restart?: string;
  internal?: boolean;
  wait?: boolean;
}

/** An image, a network, a volume, a container with a secret, and one in that container's network. */
function program({ note = 'one', health = 'test -e /data/up', retries = 100, command = 'echo "$PASSWORD"; touch /data/up; exec sleep 600', ports = '[]', restart = 'no', internal = false, wait = true }: Varied = {}): string {
  return `
    const labels = [{ label: 'dev.drawbridge.stack', value: '${scope}' }];
    const password = new random.RandomPassword('password', { length: 20, special: false });
    const image = new docker.RemoteImage('image', { name: '${scope}.local/tiny:${note}', build: { context: './context', buildArgs: { BASE: '${base}', NOTE: '${note}' } }, triggers: { note: '${note}' } });
    const network = new docker.Network('network', { name: '${scope}-network', labels, internal: ${internal} });
    const volume = new docker.Volume('volume', { name: '${scope}-volume', labels });
    const main = new docker.Container('main', {
      name: '${scope}-main', labels, image: image.imageId, entrypoints: ['sh', '-c', ${JSON.stringify(command)}], user: 'root', restart: '${restart}',
      envs: [pulumi.interpolate\`PASSWORD=\${password.result}\`], volumes: [{ volumeName: volume.name, containerPath: '/data' }],
      networksAdvanced: [{ name: network.name, aliases: ['main'] }], ports: ${ports},
      healthcheck: { tests: ['CMD', 'sh', '-c', ${JSON.stringify(health)}], interval: '500ms', timeout: '10s', retries: ${retries} }, wait: ${wait}, waitTimeout: 90,
    });
    const beside = new docker.Container('beside', { name: '${scope}-beside', labels, image: image.imageId, entrypoints: ['sleep', '600'], networkMode: pulumi.interpolate\`container:\${main.id}\` });
    export const id = main.id;
    export const secret = password.result;`;
}

function project(body = program()): TinyProject {
  const made = new TinyProject(body);
  mkdirSync(made.path('context'));
  made.write('context/Dockerfile', 'ARG BASE\nFROM ${BASE}\nARG NOTE=none\nCOPY . /context/\nRUN echo "note $NOTE" > /note\n');
  made.write('context/.dockerignore', '*\n!allowed\n');
  made.write('context/allowed', 'yes');
  made.write('context/forbidden', 'no');
  return made;
}

const nothingIsLeft = () => {
  for (const list of [['ps', '-a'], ['network', 'ls'], ['volume', 'ls']]) expect(docker(...list, '-q', '--filter', `label=dev.drawbridge.stack=${scope}`)).toBe('');
  expect(docker('images', '-q', `${scope}.local/tiny`)).toBe('');
};

describe('the embedded engine and Docker', { timeout: 120_000 }, () => {
  test('makes what is described, keeps it as it is, replaces just what changed, and removes it without a trace', async () => {
    const p = project();
    const first = await p.up();
    expect(first.changes).toMatchObject({ create: 6 });
    expect(docker('exec', `${scope}-main`, 'sh', '-c', 'ls /context; cat /note')).toBe('allowed\nnote one');
    const second = await p.up();
    expect(second.changes).toMatchObject({ same: 6, create: 0, replace: 0 });
    expect(second.outputs).toEqual(first.outputs);

    p.program(program({ command: 'cat /data/kept; touch /data/kept; exec sleep 600', health: 'test -e /data/kept' }));
    expect((await p.up()).changes).toMatchObject({ replace: 2, same: 4 });
    p.program(program({ note: 'two' }));
    await p.up();
    expect(docker('images', '--format', '{{.Tag}}', `${scope}.local/tiny`)).toBe('two');
    expect(docker('exec', `${scope}-main`, 'ls', '/data')).toContain('kept');

    p.program(program({ note: 'two', internal: true }));
    expect((await p.preview()).changes).toMatchObject({ replace: 3, same: 3 });
    expect((await p.up()).changes).toMatchObject({ replace: 3, same: 3 });
    expect(inspect(`${scope}-network`, '{{.Internal}}')).toBe('true');
    await p.down();
    nothingIsLeft();
  });

  test('brings back what was removed, stopped or put on other networks by hand, and what is bound to it', async () => {
    const p = project();
    await p.up();
    docker('rm', '-f', `${scope}-main`);
    await p.up();
    expect(p.decision('main')).toEqual({ action: 'create', reason: 'drift: removed by hand' });
    expect(inspect(`${scope}-beside`, '{{.HostConfig.NetworkMode}}')).toBe(`container:${inspect(`${scope}-main`, '{{.Id}}')}`);
    docker('stop', '-t', '1', `${scope}-beside`);
    await p.up();
    expect(p.decision('beside')).toEqual({ action: 'replace', reason: 'drift: stopped by hand' });
    docker('network', 'disconnect', `${scope}-network`, `${scope}-main`);
    await p.up();
    expect(p.decision('main')).toEqual({ action: 'replace', reason: 'drift: on no network, by hand' });
    docker('network', 'connect', 'bridge', `${scope}-main`);
    await p.up();
    expect(p.decision('main')).toEqual({ action: 'replace', reason: `drift: on bridge, ${scope}-network, by hand` });
    docker('rm', '-f', `${scope}-main`, `${scope}-beside`);
    docker('network', 'rm', `${scope}-network`);
    docker('volume', 'rm', `${scope}-volume`);
    docker('rmi', `${scope}.local/tiny:one`);
    await p.up();
    for (const name of ['image', 'network', 'volume']) expect(p.decision(name)?.reason).toBe('drift: removed by hand');
    expect((await p.up()).changes).toMatchObject({ same: 6 });
    await p.down();
    nothingIsLeft();
  });

  test('takes over what a lost state has left, data included', async () => {
    const p = project();
    await p.up();
    docker('exec', `${scope}-main`, 'touch', '/data/precious');
    const ids = () => [inspect(`${scope}-network`, '{{.Id}}'), inspect(`${scope}-main`, '{{.Id}}')];
    const [network, container] = ids();
    docker('rm', '-f', `${scope}-beside`);
    for (const file of ['.state/dev.json', '.state/dev.key']) execFileSync('rm', [p.path(file)]);
    expect((await p.up()).changes).toMatchObject({ create: 6 });
    expect(ids()[0]).toBe(network);
    expect(ids()[1]).not.toBe(container);
    expect(docker('exec', `${scope}-main`, 'ls', '/data')).toContain('precious');
    await p.down();
    nothingIsLeft();
  });

  test.each([
    ['container', () => docker('create', '--name', `${scope}-main`, base)],
    ['network', () => docker('network', 'create', `${scope}-network`)],
    ['volume', () => docker('volume', 'create', `${scope}-volume`)],
  ])('leaves a foreign %s of the same name alone and says how to go on', async (kind, make) => {
    make();
    const name = `${scope}-${kind === 'container' ? 'main' : kind}`;
    const p = project();
    expect(await p.failure(p.up())).toMatch(new RegExp(`already a ${kind} named ${name} that is not of this stack.*docker ${kind} rm ${name}`));
    await p.down();
    expect(exists(kind, 'inspect', name)).toBe(true);
    docker(kind, 'rm', name);
    nothingIsLeft();
  });

  test('a container that ends at once, never becomes healthy or lacks its port is an error with the cause, and can be repeated', async () => {
    const p = project(program({ command: 'echo "password $PASSWORD"; echo out of luck >&2; exit 7' }));
    const ended = await p.failure(p.up());
    expect(ended).toMatch(/^Container main: the container ended at once with exit code 7\.\nIts last log lines:\n/);
    expect(ended).toMatch(/password \[secret\]\n/);
    expect(ended).toMatch(new RegExp(`out of luck\n[^]*docker logs ${scope}-main$`));
    p.program(program({ wait: false, command: 'exit 3', restart: 'unless-stopped' }));
    // On a busy machine it may seem to be up until the next one is to join it.
    expect(await p.failure(p.up())).toMatch(/exit code 3|^Container beside: .*(restarting|not running)/);
    p.program(program({ health: 'echo not yet; exit 1', retries: 2 }));
    expect(await p.failure(p.up())).toMatch(/Container main: the container is unhealthy; its check says: not yet/);

    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    const { port } = server.address() as AddressInfo;
    p.program(program({ ports: `[{ internal: 80, external: ${port}, ip: '127.0.0.1' }]` }));
    expect(await p.failure(p.up())).toMatch(new RegExp(`port ${port} is already in use by .*\\(process ${process.pid}\\)`));
    server.close();
    expect((await p.up()).changes).toMatchObject({ create: 2, same: 4 });
    await p.down();
    nothingIsLeft();
  });

  test('a failed build is an error with the step and its last lines', async () => {
    const p = project();
    p.write('context/Dockerfile', 'ARG BASE\nFROM ${BASE}\nRUN echo before\nRUN echo out of luck && exit 9\n');
    const message = await p.failure(p.up());
    expect(message).toMatch(/RemoteImage image: the build of Dockerfile failed at "Step 4\/4 : RUN echo out of luck && exit 9": .*code: 9/);
    expect(message).toMatch(/\nout of luck/);
    await p.down();
    nothingIsLeft();
  });

  test('a run killed while a container comes up, an image is built or things are removed is repaired by up and removed by down', async () => {
    const started = (name: string) => (event: { kind: string; name?: string }) => event.kind === 'started' && event.name === name;
    const p = project();
    await p.killed('up', (event) => event.kind === 'progress' && event.line.startsWith('Step 5/5'));
    await p.killed('up', started('main'));
    await p.killed('up', started('beside'));
    expect((await p.up()).changes.same).toBeGreaterThanOrEqual(4);
    await p.killed('down', started('main'));
    expect((await p.up()).changes.same).toBeGreaterThanOrEqual(3);
    expect(inspect(`${scope}-main`, '{{.State.Health.Status}}')).toBe('healthy');
    p.program(program({ note: 'two' }));
    await p.killed('up', started('main'));
    await p.killed('down', started('volume'));
    await p.down();
    nothingIsLeft();
  });

  test('without a Docker engine the error says so and how to start one', async () => {
    vi.stubEnv('DOCKER_HOST', 'unix:///nonexistent/docker.sock');
    const p = project();
    const message = await p.failure(p.up());
    expect(message).toMatch(/no Docker engine answers at unix:\/\/\/nonexistent\/docker\.sock: start it \(sudo systemctl start docker\)/);
  });
});
