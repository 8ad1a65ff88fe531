import { run, type Report } from '../../images/command.ts';

/** Programs of this machine that test hosts are made and looked at with, and their packages. */
const packages = { ip: 'iproute2', ssh: 'openssh-client', sysctl: 'procps', nft: 'nftables', curl: 'curl', openssl: 'openssl', slirp4netns: 'slirp4netns' };

/** Installs what is missing of them. */
export async function provideTools(report: Report): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('Test hosts have namespaces and file systems of their own, which only root can make: run `sudo npm test`, or leave the project `hosts` out.');
  const missing: string[] = [];
  for (const [program, name] of Object.entries(packages)) if (!(await run('sh', ['-c', `command -v ${program}`]).then(Boolean, () => false))) missing.push(name);
  if (missing.length === 0) return;
  report(`test hosts: apt-get install ${missing.join(' ')}`);
  await run('apt-get', ['update']);
  await run('apt-get', ['install', '--yes', '--no-install-recommends', ...missing]);
}
