import { isObject } from './messages.ts';

/** What runs in this container. */
export interface Settings {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** `per-user`: a process for each subject. `shared`: one for all. */
  readonly processes: 'per-user' | 'shared';
  /** A process that nobody has used for this long is stopped. */
  readonly idleSeconds: number;
  readonly maxProcesses: number;
  /** Below it each user has a directory. */
  readonly directory: string;
}

export class SettingsError extends Error {}

const defaults = { args: [], env: {}, processes: 'per-user', idleSeconds: 600, maxProcesses: 32, directory: '/data' };

const isText = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0');
const isArgument = (value: unknown) => typeof value === 'string' && !value.includes('\0');
const checks: Record<keyof Settings, [expected: string, holds: (value: unknown) => boolean]> = {
  command: ['a program to run, such as "npx"', isText],
  args: ['a list of strings', (value) => Array.isArray(value) && value.every(isArgument)],
  env: ['an object of strings', (value) => isObject(value) && Object.values(value).every(isArgument)],
  processes: ['"per-user" or "shared"', (value) => value === 'per-user' || value === 'shared'],
  idleSeconds: ['a number above 0', (value) => typeof value === 'number' && value > 0],
  maxProcesses: ['an integer above 0', (value) => Number.isSafeInteger(value) && (value as number) > 0],
  directory: ['an absolute path', (value) => isText(value) && (value as string).startsWith('/')],
};

/** @throws SettingsError that names every problem, and no value: environment values may be secrets. */
export function parseSettings(text: string | undefined): Settings {
  const given = parseObject(text);
  const settings = { ...defaults, ...given };
  const problems = Object.keys(given).filter((key) => !(key in checks)).map((key) => `${key}: unknown`);
  for (const [key, [expected, holds]] of Object.entries(checks)) if (!holds(settings[key as never])) problems.push(`${key}: should be ${expected}`);
  if (problems.length > 0) throw new SettingsError(`DRAWBRIDGE_STDIO:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  return settings as unknown as Settings;
}

function parseObject(text: string | undefined): Record<string, unknown> {
  if (text === undefined) throw new SettingsError('DRAWBRIDGE_STDIO is missing; it says which server to run: {"command": "npx", "args": ["-y", "a-package"]}');
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Said below, without the parser's words, which quote what may be a secret.
  }
  throw new SettingsError('DRAWBRIDGE_STDIO is no JSON object');
}
