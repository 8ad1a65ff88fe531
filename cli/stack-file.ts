import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Config, type ConfigProblem, parseConfig } from '../infra/config.ts';
import { decoded } from '../infra/config/decoded.ts';
import { keyProblems } from '../infra/config/namespace.ts';
import { UsageError } from './errors.ts';

/** The project's folder: the commands work from any other. */
export const projectDirectory = join(import.meta.dirname, '..');

/** Where the embedded engine keeps its state. */
export const stateDirectory = join(projectDirectory, '.drawbridge', 'state');

/** Pulumi's namespace of a project's config is the project's name. */
const NAMESPACE = 'drawbridge';

export const hasStackFile = (stack: string): boolean => existsSync(join(projectDirectory, `Pulumi.${stack}.yaml`));

/**
 * A stack's config as the Pulumi program will see it: the defaults of Pulumi.yaml, and over them Pulumi.<stack>.yaml.
 * @throws UsageError where a file is missing or no YAML
 * @throws ConfigError with every problem of the values
 */
export function readStackConfig(stack: string, directory = projectDirectory): Config {
  const { values, problems } = readStackValues(stack, directory);
  return parseConfig(values, problems);
}

/** The same before it is validated: values by their keys without the namespace, and what is wrong with the keys. @throws UsageError */
export function readStackValues(stack: string, directory = projectDirectory): { values: Record<string, unknown>; problems: ConfigProblem[] } {
  const project = readYaml(join(directory, 'Pulumi.yaml'));
  const namespace = typeof project.name === 'string' ? project.name : NAMESPACE;
  if (namespace !== NAMESPACE && isRecord(project.config) && Object.keys(project.config).some((key) => key.startsWith(`${NAMESPACE}:`)))
    throw new UsageError(`${join(directory, 'Pulumi.yaml')} calls the project ${namespace}, and the keys of its config are ${NAMESPACE}’s, which nothing would read then: write \`name: ${NAMESPACE}\` there. A stack may have any name.`);
  const stackFile = join(directory, `Pulumi.${stack}.yaml`);
  if (!existsSync(stackFile)) throw new UsageError(missingStack(stack, stackFile, directory));
  const { config: given } = readYaml(stackFile);
  const values = { ...defaultsOf(keysOf(project.config, namespace)), ...keysOf(given, namespace) };
  return { values, problems: isRecord(given) ? keyProblems(Object.keys(given), namespace) : [] };
}

/** A secret of a stack's own file, where it stands there in plain text, as on the embedded engine. */
export function plainSecret(stack: string, name: string): string | undefined {
  const { config } = readYaml(join(projectDirectory, `Pulumi.${stack}.yaml`));
  const { secrets } = keysOf(config, NAMESPACE);
  const value = isRecord(secrets) ? secrets[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function readYaml(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    const value: unknown = parse(text) ?? {};
    if (isRecord(value)) return value;
  } catch (error) {
    throw new UsageError(`${path} is no YAML: ${(error as Error).message}`);
  }
  throw new UsageError(`${path} must hold a map, with the values below \`config:\`.`);
}

/** The keys of our namespace, without it. Pulumi reads a key that names no namespace as the project's own. */
function keysOf(config: unknown, namespace: string): Record<string, unknown> {
  if (!isRecord(config)) return {};
  return Object.fromEntries(
    Object.entries(config)
      .filter(([key]) => !key.includes(':') || key.startsWith(`${namespace}:`))
      .map(([key, value]) => [key.slice(key.indexOf(':') + 1), typeof value === 'string' ? decoded(value) : value]),
  );
}

/** Pulumi.yaml declares a key as `{type, description, default}`, or gives it a `value`. */
function defaultsOf(declared: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(declared)
      .map(([key, value]) => [key, isRecord(value) ? (value.value ?? value.default) : value])
      .filter(([, value]) => value !== undefined && value !== null),
  );
}

function missingStack(stack: string, path: string, directory: string): string {
  const known = readdirSync(directory).flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? []);
  return [
    `There is no stack ${stack}: ${path} is missing.${known.length > 0 ? ` Known stacks: ${known.join(', ')}.` : ''}`,
    `For a stack on the internet, \`npm run init -- --stack ${stack}\` asks for what it needs. For another one on this machine, make that file, for example:`,
    'config:',
    '  drawbridge:profile: local',
    '  drawbridge:localPort: 8444',
  ].join('\n');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
