import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Report } from '../../images/command.ts';
import { TestHost } from './host.ts';
import { addNamespace, inNamespace, ip, namespaces, removeNamespace, setKernel, type Addresses } from './namespace.ts';
import { provideRootfs } from './rootfs.ts';
import { provideTools } from './tools.ts';

/** On a disk: upper directories and Docker's own are no matter for memory. */
export const parent = '/var/tmp';

/**
 * A network of test hosts, apart from this machine's own: a segment (198.18.0.0/24, fd00:18::/64) with a neighbour on it, and
 * behind its router an outside, from which the ssh of `environment` calls as well.
 *
 *     const lab = await Lab.create(console.error);
 *     const app = await lab.addHost('app');
 *     await run('ssh', ['root@app', 'docker info'], { env: lab.environment });
 */
export class Lab {
  static readonly router: Addresses = { v4: '198.18.0.1', v6: 'fd00:18::1' };
  static readonly neighbour: Addresses = { v4: '198.18.0.66', v6: 'fd00:18::66' };
  static readonly outside: Addresses = { v4: '203.0.113.10', v6: '2001:db8:1::10' };

  readonly rootfs: string;
  readonly directory: string;
  readonly hosts: TestHost[] = [];
  readonly #prefix = `drawbridge-${process.pid}`;

  private constructor(rootfs: string) {
    this.rootfs = rootfs;
    this.directory = mkdtempSync(join(parent, `${this.#prefix}-`));
  }

  static async create(report: Report): Promise<Lab> {
    await provideTools(report);
    await removeOrphans();
    const lab = new Lab(await provideRootfs(report));
    try {
      await lab.#makeSegment();
      await lab.point({});
      await lab.addClient('outside', Lab.outside);
      await lab.#makeSshClient();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** Of programs that reach the hosts by ssh: `ssh`, `docker`, Pulumi. A host's name and its addresses are known to it. */
  get environment(): Record<string, string> {
    return { PATH: `${join(this.directory, 'bin')}:${process.env.PATH}` };
  }

  namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** A Debian machine on the segment, booted, with sshd and a Docker engine; `root` and `deploy`, who may sudo, let the lab's key in. */
  async addHost(name: string): Promise<TestHost> {
    return (await this.addHosts([name]))[0]!;
  }

  /** Several, which boot at the same time. */
  async addHosts(names: readonly string[]): Promise<TestHost[]> {
    const hosts = names.map((name, index) => {
      const number = 10 + this.hosts.length + index;
      return new TestHost(this, name, { v4: `198.18.0.${number}`, v6: `fd00:18::${number}` }, `02:00:00:00:00:${number}`);
    });
    for (const host of hosts) await host.install(readFileSync(join(this.directory, 'key.pub'), 'utf8'));
    this.hosts.push(...hosts);
    await Promise.all(hosts.map((host) => host.boot()));
    this.#introduce();
    return hosts;
  }

  /** A machine somewhere on the internet, with any address, as a network namespace only. */
  async addClient(name: string, { v4, v6 }: Addresses): Promise<void> {
    const [namespace, segment] = [this.namespace(name), this.namespace('segment')];
    await addNamespace(namespace);
    await ip(segment, 'link', 'add', `wan-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip(segment, 'link', 'set', `wan-${name}`, 'master', 'wan', 'up');
    for (const address of [`${v4}/32`, `${v6}/128`]) {
      await ip(namespace, 'address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []));
      await ip(segment, 'route', 'add', address, 'dev', 'wan');
    }
    await ip(namespace, 'link', 'set', 'eth0', 'up');
    await ip(namespace, 'route', 'add', 'default', 'via', '203.0.113.1', 'dev', 'eth0', 'onlink');
    await ip(namespace, '-6', 'route', 'add', 'default', 'via', '2001:db8:1::1', 'dev', 'eth0', 'onlink');
  }

  /** What names lead to, for who is in the lab: host name → address. In place of a DNS. */
  async point(names: Record<string, string>): Promise<void> {
    const lines = Object.entries(names).map(([name, address]) => `${address} ${name}`);
    // In place: who is there already has it before its eyes.
    writeFileSync(this.names, ['127.0.0.1 localhost', ...lines, ''].join('\n'));
    for (const host of this.hosts) await host.run(`sed -i '/ # lab$/d' /etc/hosts; printf '%s # lab\\n' ${lines.map((line) => `'${line}'`).join(' ')} >> /etc/hosts`);
  }

  /** The file with them. */
  get names(): string {
    return join(this.directory, 'names');
  }

  /** Runs a program of this machine in the network of a client, `neighbour`, or `segment` (the router's). */
  run(from: string, program: string, args: readonly string[]): Promise<string> {
    return run('nsenter', this.inside(from, program, args));
  }

  /** Arguments of nsenter for that, for a program that stays. */
  inside(from: string, program: string, args: readonly string[]): string[] {
    return [...inNamespace(this.namespace(from)), 'unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', this.names, program, ...args];
  }

  /** Takes a machine off the network, and with its namespace the state of its network. */
  async disconnect(name: string): Promise<void> {
    // The kernel takes its time to remove a namespace, and the other end of the cable with it.
    if ((await ip(this.namespace('segment'), '-brief', 'link')).includes(`lan-${name}@`)) await ip(this.namespace('segment'), 'link', 'delete', `lan-${name}`);
    await removeNamespace(this.namespace(name));
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.halt()));
    await removeLab(process.pid);
  }

  async #makeSegment(): Promise<void> {
    const segment = this.namespace('segment');
    await addNamespace(segment);
    for (const [bridge, ...addresses] of [['lan', `${Lab.router.v4}/24`, `${Lab.router.v6}/64`], ['wan', '203.0.113.1/24', '2001:db8:1::1/64']] as const) {
      await ip(segment, 'link', 'add', bridge, 'type', 'bridge');
      await ip(segment, 'link', 'set', bridge, 'up');
      for (const address of addresses) await ip(segment, 'address', 'add', address, 'dev', bridge, ...(address.includes(':') ? ['nodad'] : []));
    }
    await setKernel(segment, { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' });
    await this.connect('neighbour', Lab.neighbour, '02:00:00:00:00:66');
  }

  /** A namespace with an interface `eth0` on the segment. */
  async connect(name: string, { v4, v6 }: Addresses, mac: string): Promise<void> {
    const [namespace, segment] = [this.namespace(name), this.namespace('segment')];
    await addNamespace(namespace);
    await ip(segment, 'link', 'add', `lan-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'address', mac, 'netns', namespace);
    await ip(segment, 'link', 'set', `lan-${name}`, 'master', 'lan', 'up');
    await ip(namespace, 'address', 'add', `${v4}/24`, 'dev', 'eth0');
    await ip(namespace, 'address', 'add', `${v6}/64`, 'dev', 'eth0', 'nodad');
    await ip(namespace, 'link', 'set', 'eth0', 'up');
    await ip(namespace, 'route', 'add', 'default', 'via', Lab.router.v4);
    await ip(namespace, '-6', 'route', 'add', 'default', 'via', Lab.router.v6);
  }

  /** docker and Pulumi call `ssh` by its name and without options, and ssh finds its own files whatever $HOME says. */
  async #makeSshClient(): Promise<void> {
    const file = (name: string) => join(this.directory, name);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lab', '-f', file('key')]);
    mkdirSync(file('bin'));
    const ssh = execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim();
    writeFileSync(file('bin/ssh'), `#!/bin/sh\nexec nsenter --net=/run/netns/${this.namespace('outside')} ${ssh} -F ${file('ssh_config')} "$@"\n`);
    chmodSync(file('bin/ssh'), 0o755);
    this.#introduce();
  }

  /** Writes the ssh client's config and the host keys that it knows. */
  #introduce(): void {
    const names = this.hosts.map(({ name, addresses }) => `Host ${name}\n  HostName ${addresses.v4}\n`);
    const all = `Host *\n  IdentityFile ${join(this.directory, 'key')}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${join(this.directory, 'known_hosts')}\n  StrictHostKeyChecking yes\n`;
    writeFileSync(join(this.directory, 'ssh_config'), [...names, all].join('\n'));
    writeFileSync(join(this.directory, 'known_hosts'), this.hosts.map(({ addresses, hostKey }) => `${addresses.v4},${addresses.v6} ${hostKey}`).join(''));
  }
}

/** What a killed run left. */
export async function removeOrphans(): Promise<void> {
  const left = [...namespaces(), ...readdirSync(parent)];
  const owners = new Set(left.flatMap((name) => /^drawbridge-(\d+)-/.exec(name)?.[1] ?? []));
  for (const pid of owners) if (!existsSync(`/proc/${pid}`)) await removeLab(Number(pid));
}

export async function removeLab(pid: number): Promise<void> {
  const isIts = (name: string): boolean => name.startsWith(`drawbridge-${pid}-`);
  for (const namespace of namespaces().filter(isIts)) await removeNamespace(namespace);
  // Control groups are this machine's: those of containers whose engine was ended are left empty. And not rmSync, which takes minutes for what Docker leaves.
  const remove = 'for id in $(ls "$0"/*/docker/containers 2>/dev/null); do rmdir /sys/fs/cgroup/docker/"$id" /sys/fs/cgroup/*/docker/"$id" 2>/dev/null || :; done; rm -rf "$0"';
  await Promise.all(readdirSync(parent).filter(isIts).map((directory) => run('sh', ['-c', remove, join(parent, directory)])));
}
