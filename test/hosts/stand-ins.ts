import { join } from 'node:path';
import { run } from '../../images/command.ts';
import type { BaseName } from '../../images/versions.ts';
import type { TestHost } from './host.ts';

/** The tag of a stand-in on this machine's engine, made if it is missing. */
export async function baseImage(name: BaseName): Promise<string> {
  const printed = await run(process.execPath, [join(import.meta.dirname, '../../images/base.ts'), name], { env: { DRAWBRIDGE_BASES: 'stand-in' } });
  return (JSON.parse(printed.trim().split('\n').at(-1)!) as { image: string }).image;
}

/**
 * Gives a host the stand-ins that this machine has, which to build there would take minutes: their tags say what they are made of, so that
 * they are used. What asks the ACME CA gets to trust `trust`, as it trusts public CAs.
 */
export async function lendStandIns(host: Pick<TestHost, 'inside' | 'run'>, names: readonly BaseName[], trust: string): Promise<void> {
  const tags: string[] = [];
  for (const name of names) tags.push(await baseImage(name));
  await run('sh', ['-c', `docker save ${tags.join(' ')} | exec nsenter "$@"`, 'sh', ...host.inside('docker load')]);
  const certbot = tags[names.indexOf('certbot')];
  if (!certbot) return;
  await host.run(
    [
      'directory=$(mktemp -d) && cd "$directory"',
      `cat > lab.crt <<'PEM'\n${trust}PEM`,
      `printf 'FROM %s\\nCOPY lab.crt /usr/local/share/ca-certificates/\\nRUN update-ca-certificates\\n' ${certbot} > Dockerfile`,
      `DOCKER_BUILDKIT=0 docker build --quiet --tag ${certbot} . && rm -r "$directory"`,
    ].join('\n'),
  );
}

/**
 * Gives a host what this machine's engine has built for the stack that other tests share, step by step: a build there finds its steps done, and takes
 * seconds where it would take minutes. Steps that differ are done there, and all of them where nothing is built here yet.
 */
export async function lendBuilds(host: Pick<TestHost, 'inside'>): Promise<void> {
  const images = (await run('docker', ['image', 'ls', '--quiet', '--filter', 'reference=drawbridge.local/test/*'])).split('\n').filter(Boolean);
  const steps = await Promise.all(images.map((image) => run('docker', ['history', '--quiet', '--no-trunc', image])));
  // What came from elsewhere, such as the base of all, has no step.
  const ids = [...new Set(steps.flatMap((printed) => printed.split('\n')))].filter((id) => id.startsWith('sha256:'));
  if (ids.length > 0) await run('sh', ['-c', `docker save ${ids.join(' ')} | exec nsenter "$@"`, 'sh', ...host.inside('docker load')]);
}
