import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { run, type Report } from './command.ts';
import type { ImageEngine } from './engine.ts';
import { filesIn, standInTag } from './recipe.ts';
import { debianSuite } from './versions.ts';

/**
 * Certificate authorities that this host's administrator added. A stand-in trusts what its host trusts, since it is
 * built and run behind the same proxies.
 */
const hostCertificates = '/usr/local/share/ca-certificates';

const noCache = 'APT::Keep-Downloaded-Packages "false"; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";';

/** mmdebstrap's arguments but for the output. They stay in force for what the images above install. */
const bootstrap = [
  '--variant=minbase',
  '--include=ca-certificates',
  '--aptopt=Acquire::Languages "none"',
  // A layer is whole or absent: no need to sync each file.
  '--dpkgopt=force-unsafe-io',
  '--dpkgopt=path-exclude=/usr/share/doc/*',
  '--dpkgopt=path-include=/usr/share/doc/*/copyright',
  '--dpkgopt=path-exclude=/usr/share/man/*',
  '--dpkgopt=path-exclude=/usr/share/locale/*',
  // mmdebstrap itself needs apt's caches; the images above do not.
  '--customize-hook=rm -f "$1"/var/cache/apt/*.bin',
  `--customize-hook=echo '${noCache}' > "$1/etc/apt/apt.conf.d/90no-cache"`,
  // No service starts while its package is installed.
  `--customize-hook=printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d" && chmod 755 "$1/usr/sbin/policy-rc.d"`,
];

const trustHostCertificates = [
  `--customize-hook=cp ${hostCertificates}/*.crt "$1${hostCertificates}/"`,
  '--customize-hook=chroot "$1" update-ca-certificates',
];

/** The tag of the Debian image that all stand-ins start from. */
export function debianTag(architecture: string): string {
  const certificates = filesIn(hostCertificates, '.crt');
  return standInTag('debian', debianSuite, { architecture, bootstrap, trustHostCertificates, certificates });
}

/** Makes the Debian image. `folder` is for its own use and holds the archive. */
export async function buildDebian(engine: ImageEngine, tag: string, architecture: string, folder: string, report: Report): Promise<void> {
  await provideMmdebstrap(report);
  const archive = join(folder, 'debian.tar');
  report(`Debian ${debianSuite} from packages`);
  const args = [...bootstrap, ...trustedByThisHost(), `--architectures=${architecture}`, debianSuite, archive];
  await run('mmdebstrap', args, { env: { TMPDIR: folder }, onLine: report });
  await engine.importTar(createReadStream(archive), tag);
}

/** mmdebstrap's arguments that add this host's own certificate authorities. */
export const trustedByThisHost = (): string[] => (Object.keys(filesIn(hostCertificates, '.crt')).length > 0 ? trustHostCertificates : []);

export async function provideMmdebstrap(report: Report): Promise<void> {
  if (await isInstalled()) return;
  if (process.getuid?.() !== 0) {
    throw new Error(
      'Stand-ins for the official images are built with mmdebstrap, which is missing. Either run `sudo apt-get install mmdebstrap` ' +
        'and try again, or give the container engine a way to an image registry.',
    );
  }
  const install = ['install', '--yes', '--no-install-recommends', 'mmdebstrap', 'debian-archive-keyring'];
  report('mmdebstrap is missing; installing it: apt-get update');
  await run('apt-get', ['update']);
  report(`apt-get ${install.join(' ')}`);
  await run('apt-get', install);
}

async function isInstalled(): Promise<boolean> {
  try {
    await run('mmdebstrap', ['--version']);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
