import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { frontRuns } from '../../cli/docker.ts';
import type { EngineFacts } from '../../cli/engine-setup.ts';
import type { CommandError } from '../../cli/errors.ts';
import type { Host } from '../../cli/host.ts';
import { isTaken, listeningInodes, processOnPort } from '../../cli/ports.ts';
import { prepare, requireEngine } from '../../cli/prepare.ts';
import { createProgress } from '../../cli/progress.ts';
import { parseConfig } from '../../infra/config.ts';

const ready: EngineFacts = { answer: 'yes', cli: true, daemon: true, root: true, apt: true, init: 'none' };
const bare: EngineFacts = { answer: 'no', cli: false, daemon: false, root: true, apt: true, init: 'none' };
const stack = { name: 'local', config: parseConfig({ profile: 'local' }) };

/** A machine that only remembers what was done to it. */
function machine(facts: Partial<EngineFacts>, rest: Partial<Host> = {}) {
  const done: string[] = [];
  const said: string[] = [];
  const host: Host = {
    engineFacts: async () => ({ ...ready, ...facts }),
    has: async () => true,
    frontRuns: async () => false,
    holderOf: async () => undefined,
    freeBytes: async () => 100e9,
    install: async (packages, { optional = [] }) => void done.push(`install ${packages.join(' ')}${optional.map((name) => ` [${name}]`).join('')}`),
    startEngine: async (command) => void done.push(`start ${command?.join(' ') ?? 'by hand'}`),
    ...rest,
  };
  const progress = createProgress({ stream: { write: () => true, columns: 80 }, live: false });
  const terminal = (answer: boolean) => ({ progress, say: (line = '') => void said.push(line), confirm: async () => answer });
  const run = async (options: { answer?: boolean; browser?: boolean } = {}) => {
    const { answer = true, browser } = options;
    return prepare({ terminal: terminal(answer), stack, browser, host }).then(() => 'done', (error: CommandError) => [error.message, ...error.next].join('\n'));
  };
  return { run, host, done, said };
}

describe('preparing a machine', () => {
  it('does and says nothing where nothing is missing', async () => {
    const { run, done, said } = machine({});
    expect(await run()).toBe('done');
    expect([done, said]).toEqual([[], []]);
  });

  it('installs and starts an engine as root on Debian, each announced before it is done', async () => {
    const { run, done, said } = machine(bare);
    expect(await run()).toBe('done');
    expect(done).toEqual(['install docker.io iptables [docker-cli]', 'start by hand']);
    expect(said).toEqual([
      'This machine needs some preparation first:',
      '  - install the Docker engine with apt-get (docker.io, iptables, and docker-cli where that is apart)',
      '  - start the Docker engine (dockerd by hand: no init manages services here)',
    ]);
  });

  it('does nothing when the person says no', async () => {
    const { run, done } = machine(bare);
    expect(await run({ answer: false })).toBe('Stopped before anything was done.');
    expect(done).toEqual([]);
  });

  it('starts an installed engine through the init that manages services', async () => {
    for (const [init, command] of [['systemd', 'systemctl start docker'], ['sysv', 'service docker start']] as const) {
      const { run, done } = machine({ ...ready, answer: 'no', init });
      expect(await run()).toBe('done');
      expect(done).toEqual([`start ${command}`]);
    }
  });

  it('installs Chromium for the tests, and only for them', async () => {
    const { run, done } = machine({}, { has: async () => false });
    await run();
    expect(done).toEqual([]);
    await run({ browser: true });
    expect(done).toEqual(['install chromium iproute2']);
  });

  it.each([
    ['the user may not use the running engine', { answer: 'denied', root: false }, 'permission denied', 'usermod -aG docker'],
    ['none is installed and the user is not root', { ...bare, root: false, init: 'systemd' }, 'No Docker engine is installed. Only root can install it.', 'sudo apt-get install docker.io iptables\nsudo systemctl start docker\nsudo usermod -aG docker'],
    ['none is installed and the system is not Debian', { ...bare, apt: false }, 'No Docker engine is installed.', 'docs.docker.com/engine/install'],
    ['it is stopped and the user is not root', { answer: 'no', root: false, init: 'systemd' }, 'only root can start it', 'sudo systemctl start docker'],
    ['DOCKER_HOST names one that does not answer', { ...bare, dockerHost: 'tcp://10.0.0.9:2375' }, 'No Docker engine answers at tcp://10.0.0.9:2375', 'unset DOCKER_HOST'],
    ['only the client is missing and the user is not root', { cli: false, root: false }, 'command-line client `docker` is missing', 'sudo apt-get install'],
  ] as [string, Partial<EngineFacts>, string, string][])('touches nothing and says what to do when %s', async (_, facts, cause, remedy) => {
    const { run, done } = machine(facts);
    const message = await run();
    expect(message).toContain(cause);
    expect(message).toContain(remedy);
    expect(done).toEqual([]);
  });

  it('names who holds the port and how to choose another, before anything is installed', async () => {
    const { run, done } = machine(bare, { holderOf: async (port) => `nginx (process ${port})` });
    expect(await run()).toBe('Port 8443 is taken by nginx (process 8443); nothing was touched.\nStop it, or give this stack another port: `drawbridge:localPort` in Pulumi.<stack>.yaml.');
    expect(done).toEqual([]);
  });

  it('lets the stack’s own front keep its port', async () => {
    const { run } = machine({}, { holderOf: async () => 'docker-proxy', frontRuns: async () => true });
    expect(await run()).toBe('done');
  });

  it('refuses a disk that is nearly full, and mentions one that may get full', async () => {
    const full = machine({}, { freeBytes: async () => 1.2e9 });
    expect(await full.run()).toContain('The disk is nearly full: 1.2 GB are free where Docker keeps its data');
    const small = machine({}, { freeBytes: async () => 3e9 });
    expect(await small.run()).toBe('done');
    expect(small.said).toEqual(['Note: 3.0 GB are free where Docker keeps its data; a first run takes about 5 GB.']);
  });
});

describe('the stack’s own front', () => {
  const runs = async (...names: string[]) => {
    const engine = createHttpServer((_, answer) => answer.setHeader('Content-Type', 'application/json').end(JSON.stringify(names.map((name) => ({ Names: [`/${name}`] })))));
    onTestFinished(() => void engine.close());
    await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('DOCKER_HOST', `tcp://127.0.0.1:${(engine.address() as { port: number }).port}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    return frontRuns('s');
  };

  it.each(['drawbridge-s-front', 'drawbridge-s-front-a', 'drawbridge-s-front-b'])('is known as %s: an `up` of a stack that runs finds its ports free', async (name) => {
    expect(await runs('drawbridge-s-server-a', name)).toBe(true);
  });

  it('is no other container', async () => {
    expect(await runs('drawbridge-s-server-a', 'drawbridge-s-backend-front')).toBe(false);
  });
});

describe('commands that only look or remove', () => {
  it('install no engine; they say that none answers', async () => {
    const { host, done } = machine(bare);
    await expect(requireEngine(host)).rejects.toThrow('No Docker engine answers.');
    expect(done).toEqual([]);
  });
});

describe('who holds a port', () => {
  it('is found among the processes of this machine', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)));
    try {
      expect(await isTaken(port)).toBe(true);
      expect(processOnPort(port)).toContain(`(process ${process.pid})`);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    expect(await isTaken(port)).toBe(false);
  });

  it('is a listening socket, not a connection to the same port', () => {
    const row = (state: string, inode: string) => `   0: 0100007F:20FB 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0 0 10 0`;
    expect(listeningInodes(['  sl  local_address rem_address   st', row('01', '11'), row('0A', '22')].join('\n'), 8443)).toEqual(['22']);
  });
});
