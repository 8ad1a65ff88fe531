import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './settings.ts';

/** How to start the server for one user. */
export interface Launch {
  /** For the log: says whose process it is without saying who it is. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
}

// A server gets what it is given, not what the supervisor has: DRAWBRIDGE_STDIO holds the secrets of all of them.
// NODE_USE_SYSTEM_CA comes with the image: a server trusts the certificate authorities that its image trusts.
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_USE_SYSTEM_CA'];

/** The launch for a subject; undefined: the process that all share. Makes its directory. */
export function launchFor(subject: string | undefined, settings: Settings, environment: NodeJS.ProcessEnv): Launch {
  // Hashed, since a subject may hold any character, and file names may not.
  const name = subject === undefined ? 'shared' : createHash('sha256').update(subject).digest('hex').slice(0, 16);
  const directory = join(settings.directory, 'users', name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const filled = (value: string) => value.replaceAll('{userDirectory}', directory);
  const own = Object.fromEntries(inherited.flatMap((key) => (environment[key] === undefined ? [] : [[key, environment[key]]])));
  const given = Object.fromEntries(Object.entries(settings.env).map(([key, value]) => [key, filled(value)]));
  return { name, command: settings.command, args: settings.args.map(filled), env: { ...own, ...given }, directory };
}
