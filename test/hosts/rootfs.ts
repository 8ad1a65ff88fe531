import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Report } from '../../images/command.ts';
import { provideMmdebstrap, trustedByThisHost } from '../../images/debian.ts';
import { withLock } from '../../images/lock.ts';
import { standInTag } from '../../images/recipe.ts';
import { debianSuite } from '../../images/versions.ts';

/** Made once and kept: it takes minutes. Whoever wants the space back removes the directory. */
const cache = '/var/cache/drawbridge/test-hosts';

const packages = [
  ...['openssh-server', 'sudo', 'ca-certificates', 'curl', 'procps', 'iproute2', 'dbus', 'python3'],
  ...['docker.io', 'docker-cli', 'iptables', 'nftables', 'ufw', 'firewalld', 'systemd', 'busybox-static'],
];

const bootstrap = [
  '--variant=minbase',
  `--include=${packages.join(',')}`,
  '--aptopt=Acquire::Languages "none"',
  '--dpkgopt=force-unsafe-io',
  ...['doc', 'man', 'locale'].map((directory) => `--dpkgopt=path-exclude=/usr/share/${directory}/*`),
  // A new machine: no firewall is on, each has its own host keys, and one user may become root with sudo.
  '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/systemd/system/multi-user.target.wants/firewalld.service',
  '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash deploy',
  `--customize-hook=echo 'deploy ALL=(ALL) NOPASSWD: ALL' > "$1/etc/sudoers.d/deploy"`,
];

/** The root filesystem that all test hosts start from, never written to. */
export async function provideRootfs(report: Report): Promise<string> {
  const hash = standInTag('test-host', debianSuite, { bootstrap }).split('-').at(-1)!;
  const rootfs = join(cache, `${debianSuite}-${hash}`);
  const make = async (): Promise<void> => {
    if (existsSync(rootfs)) return;
    await provideMmdebstrap(report);
    mkdirSync(cache, { recursive: true });
    for (const old of readdirSync(cache).filter((name) => name.startsWith('making-'))) rmSync(join(cache, old), { recursive: true });
    report(`test hosts: Debian ${debianSuite} from packages`);
    const folder = mkdtempSync(join(cache, 'making-'));
    await run('mmdebstrap', ['--format=directory', ...bootstrap, ...trustedByThisHost(), debianSuite, join(folder, 'root')], { env: { TMPDIR: folder } });
    renameSync(join(folder, 'root'), rootfs);
    rmSync(folder, { recursive: true });
  };
  await withLock('test-hosts', make, () => report('test hosts: waiting for another run that makes their root filesystem'));
  return rootfs;
}
