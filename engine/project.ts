import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { EngineError, messageOf, type StackOptions } from './types.ts';
import type { Plain } from './values.ts';

/** A Pulumi project and the config of one of its stacks, as the program gets them. */
export interface Project {
  name: string;
  root: string;
  /** Where the program runs, and its entry point from there. */
  directory: string;
  main: string;
  /** `namespace:key` → text; objects and arrays as JSON, as the Pulumi CLI encodes them. */
  config: Record<string, string>;
  secretKeys: string[];
  /** The values of those keys, objects as objects. */
  secrets: unknown[];
}

/** @throws EngineError naming the file, when one is missing or wrong */
export function loadProject(options: Pick<StackOptions, 'projectDirectory' | 'stack' | 'config'>): Project {
  const root = options.projectDirectory;
  const project = readYaml(join(root, 'Pulumi.yaml'));
  if (!project) throw new EngineError(`There is no Pulumi.yaml in ${root}. Run the command in the project's directory.`);
  const name = project['name'];
  if (typeof name !== 'string') throw new EngineError(`${join(root, 'Pulumi.yaml')} has no name.`);

  const stackFile = `Pulumi.${options.stack}.yaml`;
  const declared = readDeclarations((project['config'] ?? {}) as Plain);
  const given = options.config ?? ((readYaml(join(root, stackFile))?.['config'] ?? {}) as Plain);
  const withNamespace = (key: string) => (key.includes(':') ? key : `${name}:${key}`);
  const values: Plain = {};
  for (const [key, value] of [...Object.entries(declared.values), ...Object.entries(given)]) {
    if (value === undefined || value === null) continue;
    if (holdsSecure(value)) {
      throw new EngineError(`${stackFile}: ${key} is encrypted (secure:), which needs the Pulumi CLI: run \`pulumi up\`, or set the value in plain text for a local stack.`);
    }
    values[withNamespace(key)] = value;
  }
  const config = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typeof value === 'object' ? JSON.stringify(value) : String(value)]));
  const secretKeys = declared.secretKeys.map(withNamespace);
  const secrets = secretKeys.map((key) => values[key] ?? null);
  return { name, root, ...entryPoint(root, project['main']), config, secretKeys, secrets };
}

/** Values and secret marks of the `config` part of Pulumi.yaml: plain values, or `{type, default | value, secret}`. */
function readDeclarations(config: Plain): { values: Plain; secretKeys: string[] } {
  const values: Plain = {};
  const secretKeys: string[] = [];
  for (const [key, declaration] of Object.entries(config)) {
    const isSchema = typeof declaration === 'object' && declaration !== null && !Array.isArray(declaration);
    const { default: fallback, value, secret } = (isSchema ? declaration : { value: declaration }) as Plain;
    values[key] = value ?? fallback;
    if (secret === true) secretKeys.push(key);
  }
  return { values, secretKeys };
}

/** The program runs in the directory of its main file, as the Pulumi CLI runs it. */
function entryPoint(root: string, main: unknown): { directory: string; main: string } {
  if (typeof main !== 'string') return { directory: root, main: '.' };
  const path = join(root, main);
  if (!existsSync(path)) throw new EngineError(`${join(root, 'Pulumi.yaml')}: main is ${main}, and there is no such file.`);
  return statSync(path).isDirectory() ? { directory: path, main: '.' } : { directory: dirname(path), main: basename(path) };
}

export const holdsSecure = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('secure' in value || Object.values(value).some(holdsSecure));

function readYaml(path: string): Plain | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return (parse(readFileSync(path, 'utf8')) ?? {}) as Plain;
  } catch (error) {
    // The first line only: the rest of the message quotes the file, which may hold secrets.
    throw new EngineError(`${path} is no valid YAML: ${messageOf(error).split('\n')[0]}`);
  }
}
