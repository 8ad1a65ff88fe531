import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Wanted } from '../../engine/index.ts';
import { nounOf } from '../engine-progress.ts';
import { CommandError } from '../errors.ts';
import { passphraseNeeded } from '../passphrase.ts';
import { projectDirectory } from '../stack-file.ts';
import type { Finding } from './facts.ts';

/** What `pulumi preview --json` prints, as far as it is read here (pulumi/pulumi, pkg/display/json.go). Secrets in it are `[secret]`. */
interface PreviewDigest {
  steps?: readonly PreviewStep[];
}

interface PreviewStep {
  op: string;
  urn: string;
  oldState?: ResourceState;
  newState?: ResourceState;
  diffReasons?: readonly string[] | null;
  replaceReasons?: readonly string[] | null;
  detailedDiff?: Readonly<Record<string, { kind: string; inputDiff: boolean }>> | null;
}

interface ResourceState {
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

const PARTS = ['refresh', 'read', 'create-replacement', 'delete-replaced', 'read-replacement', 'discard-replaced'];

const does: Readonly<Record<string, string>> = { create: 'makes it', update: 'updates it', replace: 'replaces it', delete: 'removes it' };

/** What the Pulumi CLI, which has the state of the stack, would do with it. @throws CommandError */
export const previewByPulumi = async (stack: string): Promise<Finding[]> => parsePreview(await pulumi('preview', '--refresh', '--json', '--diff', '--show-sames', '--non-interactive', '--stack', stack));

/** What its state has of each resource. @throws CommandError */
export const resourcesOfPulumi = async (stack: string): Promise<Wanted[]> => parseExport(await pulumi('stack', 'export', '--show-secrets', '--non-interactive', '--stack', stack));

async function pulumi(...args: string[]): Promise<string> {
  const command = `pulumi ${args.join(' ')}`;
  try {
    // It holds all inputs and outputs.
    return (await promisify(execFile)('pulumi', args, { cwd: projectDirectory, maxBuffer: 256e6 })).stdout;
  } catch (error) {
    const { code, stderr = '', message } = error as NodeJS.ErrnoException & { stderr?: string };
    const stack = args.at(-1)!;
    if (code === 'ENOENT') throw new CommandError(`Stack ${stack} was not deployed by \`npm run up\` from here, and there is no Pulumi CLI on the PATH.`, [`Where it is: ${command}`]);
    throw new CommandError(`\`${command}\` failed:\n${stderr.trim() || message.split('\n')[0]}`, passphraseNeeded(stderr));
  }
}

/** @param json what `pulumi stack export --show-secrets` printed. Secrets come out in plain text, for who looks with them */
export function parseExport(json: string): Wanted[] {
  const exported = parsed<{ deployment?: { resources?: readonly { urn: string; type: string; inputs?: Record<string, unknown> }[] } } | null>(json);
  const resources = exported?.deployment?.resources;
  if (!resources) throw new CommandError('The Pulumi CLI has no resources of this stack: it does not stand.');
  return resources.map(({ urn, type, inputs = {} }) => ({ urn, type, name: urn.split('::').at(-1)!, inputs: revealed(inputs) as Record<string, unknown> }));
}

// Marker of a secret in a state, whose plain text is JSON (sdk/go/common/resource/properties.go, apitype.SecretV1).
const SIGNATURE = '4dabf18193072939515e22adb298388d';

function revealed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  if (SIGNATURE in value && 'plaintext' in value) return revealed(JSON.parse(String(value.plaintext)));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revealed(inner)]));
}

/** @param json what `pulumi preview --json` printed @throws CommandError where it is something else */
export function parsePreview(json: string): Finding[] {
  const steps = parsed<PreviewDigest | null>(json)?.steps;
  if (!steps) throw new CommandError('The Pulumi CLI printed no steps of a preview.');
  // A refresh tells first what it learns of a resource, and then comes what is done about it; a replacement is told three times.
  const last = new Map(steps.filter(({ op }) => !PARTS.includes(op)).map((step) => [step.urn, step]));
  return [...last.values()].filter(({ op }) => op !== 'same').flatMap(stepFindings);
}

function parsed<T>(json: string): T {
  try {
    return JSON.parse(json) as T;
  } catch {
    throw new CommandError('The Pulumi CLI printed no JSON.');
  }
}

function stepFindings({ op, urn, oldState, newState, diffReasons, replaceReasons, detailedDiff }: PreviewStep): Finding[] {
  const name = urn.split('::').at(-1)!;
  const what = nounOf({ urn, name }) ?? name;
  const up = does[op] ?? op;
  if (op === 'create') return [{ what, path: '', expected: 'there', found: 'not there', up }];
  if (op === 'delete') return [{ what, path: '', expected: 'not there', found: 'there', up }];
  const paths = Object.keys(detailedDiff ?? {});
  const keys = paths.length > 0 ? paths : [...(replaceReasons ?? []), ...(diffReasons ?? [])];
  if (keys.length === 0) return [{ what, path: '', expected: 'as the config and the program say', found: 'another', up }];
  return keys.map((path) => ({ what, path, expected: valueAt(newState?.inputs, path), found: valueAt(detailedDiff?.[path]?.inputDiff === false ? { ...oldState?.inputs, ...oldState?.outputs } : oldState?.inputs, path), up }));
}

/** A path as Pulumi writes it: `envs[0]`, `labels["a.b"].value`. */
function valueAt(values: Record<string, unknown> | undefined, path: string): string {
  const parts = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, quoted, index, name]) => quoted ?? index ?? name!);
  const value = parts.reduce<unknown>((inner, part) => (inner as Record<string, unknown> | undefined)?.[part], values);
  if (value === undefined || value === null) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
