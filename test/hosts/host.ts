import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { run } from '../../images/command.ts';
import type { Lab } from './lab.ts';
import { inNamespace, type Addresses } from './namespace.ts';

const inside = join(import.meta.dirname, 'inside');

/** A Debian machine of its own: root filesystem, processes, network, sshd, Docker engine. In place of systemd is a stand-in. */
export class TestHost {
  readonly name: string;
  readonly addresses: Addresses;
  readonly mac: string;
  readonly #lab: Lab;
  readonly #directory: string;
  #supervisor?: ChildProcess;
  #init?: string;

  constructor(lab: Lab, name: string, addresses: Addresses, mac: string) {
    this.#lab = lab;
    this.name = name;
    this.addresses = addresses;
    this.mac = mac;
    this.#directory = join(lab.directory, name);
  }

  /** As it is in a known_hosts file, with a newline. */
  get hostKey(): string {
    return readFileSync(join(this.#directory, 'upper/etc/ssh/ssh_host_ed25519_key.pub'), 'utf8');
  }

  /** Puts what this host has of its own above the common root filesystem. */
  async install(authorizedKey: string): Promise<void> {
    const upper = (path: string): string => {
      const file = join(this.#directory, 'upper', path);
      mkdirSync(join(file, '..'), { recursive: true });
      return file;
    };
    for (const name of ['work', 'root']) mkdirSync(join(this.#directory, name), { recursive: true });
    for (const [source, program] of [['init.sh', 'usr/local/sbin/init.sh'], ['systemctl.py', 'usr/local/bin/systemctl'], ['policy-rc.d', 'usr/sbin/policy-rc.d']] as const) {
      cpSync(join(inside, source), upper(program));
      chmodSync(upper(program), 0o755);
    }
    writeFileSync(upper('etc/hostname'), `${this.name}\n`);
    writeFileSync(upper('etc/hosts'), `127.0.0.1 localhost\n::1 localhost\n${this.addresses.v4} ${this.name}\n`);
    writeFileSync(upper('etc/ssh/sshd_config.d/lab.conf'), 'AuthorizedKeysFile /etc/ssh/lab_keys .ssh/authorized_keys\n');
    writeFileSync(upper('etc/ssh/lab_keys'), authorizedKey);
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', upper('etc/ssh/ssh_host_ed25519_key')]);
  }

  /** Plugs it in, switches it on, and waits until what is enabled has started. */
  async boot(): Promise<void> {
    await this.#lab.connect(this.name, this.addresses, this.mac);
    const log = openSync(join(this.#directory, 'console.log'), 'a');
    const isolated = ['unshare', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child', 'sh', join(inside, 'boot.sh'), this.#lab.rootfs, this.#directory, this.name];
    // nsenter, not `ip netns exec`: that one hides the control groups.
    this.#supervisor = spawn('nsenter', [...inNamespace(this.#lab.namespace(this.name)), ...isolated], { stdio: ['ignore', log, log] });
    for (let tenths = 0; tenths < 600; tenths += 1, await sleep(100)) {
      this.#init ??= readFileSync(`/proc/${this.#supervisor.pid}/task/${this.#supervisor.pid}/children`, 'utf8').trim() || undefined;
      if (existsSync(this.path('/run/booted'))) return;
      if (this.#supervisor.exitCode !== null) break;
    }
    throw new Error(`The test host ${this.name} did not boot:\n${readFileSync(join(this.#directory, 'console.log'), 'utf8').slice(-2000)}`);
  }

  /** Pulls the plug: every process ends at once, and what was in memory is gone, firewall rules as well. */
  async halt(): Promise<void> {
    const supervisor = this.#supervisor;
    this.#supervisor = this.#init = undefined;
    if (supervisor?.kill('SIGKILL')) await once(supervisor, 'exit');
    await this.#lab.disconnect(this.name);
  }

  async reboot(): Promise<void> {
    await this.halt();
    await this.boot();
  }

  /** A file of the host, as a path on this machine. */
  path(file: string): string {
    return `/proc/${this.#init}/root${file}`;
  }

  /** Arguments of nsenter with which a bash script runs on the host as root. */
  inside(script: string): string[] {
    const enter = ['--target', this.#init ?? '', '--mount', '--pid', '--uts', '--ipc', '--net', '--root', '--wd'];
    const environment = ['env', '-i', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8'];
    return [...enter, ...environment, 'bash', '-euo', 'pipefail', '-c', script];
  }

  /** Runs it and returns what it prints. Fails with both of its outputs. */
  async run(script: string): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)('nsenter', this.inside(script), { maxBuffer: 64 << 20 });
      return stdout;
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      throw new Error(`On ${this.name}, ended with ${code}: ${script}\n${stdout}${stderr}`, { cause: error });
    }
  }
}
