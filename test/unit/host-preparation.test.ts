import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Facts, parseFacts } from '../../host/facts.ts';
import { cannotPrepare, planPreparation, preparationScript, restorationScript } from '../../host/preparation.ts';

/** /etc/os-release of each: ID and ID_LIKE. */
const systems = {
  Debian: 'debian ',
  Ubuntu: 'ubuntu debian',
  'Linux Mint': 'linuxmint ubuntu debian',
  Fedora: 'fedora ',
  RHEL: 'rhel fedora',
  'CentOS Stream': 'centos rhel fedora',
  Rocky: 'rocky rhel centos fedora',
  Alpine: 'alpine ',
};
const facts = (lines: Record<string, string>): Facts => parseFacts(Object.entries({ os: systems.Debian, user: 'root', root: 'yes', nft: 'yes', ...lines }).map(([word, value]) => `${word}\t${value}`).join('\n'), 0);
const plan = (lines: Record<string, string>) => planPreparation(facts(lines)).map(({ describe: text }) => text);

describe('preparing a machine', () => {
  it.each([
    ['Debian', /apt-get install docker\.io/],
    ['Ubuntu', /apt-get install docker\.io/],
    ['Linux Mint', /apt-get install docker\.io/],
    ['Fedora', /dnf install moby-engine/],
    ['RHEL', /download\.docker\.com.*dnf install docker-ce/],
    ['CentOS Stream', /download\.docker\.com.*dnf install docker-ce/],
    ['Rocky', /download\.docker\.com.*dnf install docker-ce/],
  ] as const)('tells %s apart, and says how it gets a Docker engine there', (system, how) => {
    expect(plan({ os: systems[system] })).toEqual([expect.stringMatching(how), expect.stringMatching(/systemctl enable --now docker/)]);
  });

  it('does nothing where nothing is missing', () => {
    expect(plan({ client: 'yes', daemon: 'yes', engine: '28', synchronized: 'yes' })).toEqual([]);
  });

  it('starts an engine that is there, and lets a user who may sudo use it', () => {
    expect(plan({ client: 'yes', daemon: 'yes' })).toEqual([expect.stringMatching(/^start the Docker engine/)]);
    expect(plan({ client: 'yes', daemon: 'yes', denied: 'yes', user: 'deploy', root: 'sudo' })).toEqual([expect.stringMatching(/^let deploy use it, which is as good as being root/)]);
  });

  it.each([['Debian', /apt-get install/], ['Fedora', /dnf --assumeyes install/]] as const)('installs nft where there is none (%s)', (system, how) => {
    const steps = planPreparation(facts({ os: systems[system], nft: '', client: 'yes', daemon: 'yes', engine: '28', synchronized: 'yes' }));
    expect(steps).toEqual([{ describe: expect.stringContaining('nftables') as string, script: expect.stringMatching(new RegExp(`${how.source}.* nftables$`)) as string }]);
  });

  it('says why it cannot, before it begins: an unknown system, or nobody who is root', () => {
    expect(cannotPrepare(facts({ os: systems.Alpine, system: 'Alpine Linux' }))).toMatch(/Alpine Linux is none of the families/);
    expect(cannotPrepare(facts({ root: '', user: 'x' }))).toMatch(/x is not root/);
    expect(cannotPrepare(facts({}))).toBeUndefined();
  });

  it.each(Object.entries(systems).filter(([name]) => name !== 'Alpine'))('is a script that sh understands, and so is undoing it (%s)', (_, os) => {
    const machine = facts({ os, root: 'sudo', user: 'deploy', synchronized: 'no', systemd: 'yes' });
    const steps = planPreparation(machine);
    expect(steps).toHaveLength(4);
    for (const script of [preparationScript(machine.family!, steps), restorationScript(machine.family!)]) execFileSync('sh', ['-n'], { input: script });
  });
});

/** A machine that is a folder: what a script would do to a real one is done to files in it, by programs that only say that they were called. */
class Folder {
  readonly #root = mkdtempSync(join(tmpdir(), 'drawbridge-folder-'));

  constructor() {
    onTestFinished(() => rmSync(this.#root, { recursive: true, force: true }));
    for (const folder of ['bin', 'tmp', 'var/lib', 'etc']) mkdirSync(this.path(folder), { recursive: true });
    for (const program of ['apt-get', 'docker', 'gpasswd', 'groupdel', 'id', 'ip', 'systemctl', 'timedatectl']) this.program(program, '');
    this.write('packages', '');
    this.program('dpkg-query', `sed 's/^/installed /' ${this.path('packages')}`);
  }

  path = (name: string): string => join(this.#root, name);
  read = (name: string): string => (existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : '');
  get called(): string[] {
    return this.read('called').split('\n').filter(Boolean);
  }

  write(name: string, content: string): void {
    mkdirSync(join(this.path(name), '..'), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  program(name: string, script: string): void {
    writeFileSync(this.path(`bin/${name}`), `#!/bin/sh\necho "${name} $*" >> ${this.path('called')}\n${script}\n`, { mode: 0o755 });
  }

  start(script: string) {
    const within = script.replaceAll(/(?<![\w.-])\/(var\/lib|etc)\//g, `${this.#root}/$1/`);
    return spawn('sh', ['-c', within], { env: { PATH: `${this.path('bin')}:/usr/bin:/bin`, TMPDIR: this.path('tmp') }, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async run(script: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = this.start(script);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: code as number, stdout, stderr };
  }
}

describe('a preparation that is cut short', () => {
  const steps = planPreparation(facts({ daemon: '', synchronized: 'yes' }));
  const installing = (folder: Folder, while_: string) => folder.program('apt-get', `[ "$1" = install ] || exit 0\n${while_}\necho docker.io >> ${folder.path('packages')}`);

  it('by a connection that breaks goes on to where it can stop, and has noted what is to be undone', async () => {
    const folder = new Folder();
    installing(folder, 'for _ in $(seq 20000); do echo Unpacking; done');
    const child = folder.start(preparationScript('debian', steps));
    child.stdout.destroy();
    child.stderr.destroy();
    await once(child, 'close');
    expect(folder.read('var/lib/drawbridge/prepared')).toContain('package docker.io\n');
  });

  it.each(['SIGHUP', 'SIGTERM'] as const)('by %s as well', async (signal) => {
    const folder = new Folder();
    installing(folder, `touch ${folder.path('begun')}; sleep 0.3`);
    const child = folder.start(preparationScript('debian', steps));
    while (!existsSync(folder.path('begun'))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    await once(child, 'close');
    expect(folder.read('var/lib/drawbridge/prepared')).toContain('package docker.io\n');
  });

  it('says what went wrong', async () => {
    const folder = new Folder();
    folder.program('apt-get', 'echo E: no network >&2; exit 100');
    expect(await folder.run(preparationScript('debian', steps))).toMatchObject({ code: 100, stdout: expect.stringContaining('E: no network') as string });
  });
});

describe('undoing a preparation', () => {
  const prepared = (record: string): Folder => {
    const folder = new Folder();
    folder.write('var/lib/drawbridge/prepared', record);
    return folder;
  };

  it.each([['volumes', 'precious', 'volume precious'], ['containers', 'c0ffee', 'container c0ffee']])('keeps an engine that does not run and has %s: they would go with it', async (kind, name, left) => {
    const folder = prepared('package docker.io\n');
    folder.program('docker', 'exit 1');
    folder.write(`var/lib/docker/${kind}/${name}/data`, 'x');
    folder.write('var/lib/docker/volumes/metadata.db', '');
    expect(await folder.run(restorationScript('debian'))).toMatchObject({ code: 3, stdout: `${left}\n` });
    expect(folder.read(`var/lib/docker/${kind}/${name}/data`)).toBe('x');
    expect(folder.called.filter((call) => call.startsWith('apt-get'))).toEqual([]);
  });

  it('removes one that has nothing, whether it runs or not', async () => {
    const folder = prepared('package docker.io\n');
    folder.program('docker', 'exit 1');
    folder.write('var/lib/docker/volumes/metadata.db', '');
    expect(await folder.run(restorationScript('debian'))).toMatchObject({ code: 0 });
    expect(folder.called).toContain('apt-get purge --yes docker.io');
    expect(existsSync(folder.path('var/lib/docker'))).toBe(false);
  });

  it('goes on where an earlier run ended half way', async () => {
    const folder = prepared('package docker.io\nservice docker\nmember deploy\n');
    folder.program('docker', 'exit 127');
    folder.program('id', 'echo deploy sudo');
    for (const gone of ['gpasswd', 'systemctl', 'groupdel']) folder.program(gone, 'exit 3');
    expect(await folder.run(restorationScript('debian'))).toMatchObject({ code: 0 });
    expect(folder.read('var/lib/drawbridge/prepared')).toBe('');
  });

  it('takes from a group and disables what is still so', async () => {
    const folder = prepared('service docker\nmember deploy\n');
    folder.program('id', 'echo deploy docker');
    expect(await folder.run(restorationScript('debian'))).toMatchObject({ code: 0 });
    expect(folder.called).toEqual(expect.arrayContaining(['gpasswd --delete deploy docker', 'systemctl disable --now docker']));
  });
});
