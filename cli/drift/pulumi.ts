import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nounOf } from '../engine-progress.ts';
import { CommandError } from '../errors.ts';
import { projectDirectory } from '../stack-file.ts';
import type { DriftReport, Finding } from './facts.ts';

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

/** Asks the Pulumi CLI, which has the state of the stack. What its commands once set (realm, front, DNS) it does not look at. @throws CommandError */
export async function previewByPulumi(stack: string): Promise<Pick<DriftReport, 'findings' | 'beside' | 'unknown'>> {
  const args = ['preview', '--refresh', '--json', '--diff', '--show-sames', '--non-interactive', '--stack', stack];
  try {
    // It holds all inputs and outputs.
    const { stdout } = await promisify(execFile)('pulumi', args, { cwd: projectDirectory, maxBuffer: 256e6 });
    return { findings: parsePreview(stdout), beside: [], unknown: ['realm, front and DNS: the Pulumi CLI does not look at what commands have set'] };
  } catch (error) {
    const { code, stderr = '', message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new CommandError(`Stack ${stack} was not deployed by \`npm run up\` from here, and there is no Pulumi CLI on the PATH.`, [`Where it is: pulumi ${args.join(' ')}`]);
    throw new CommandError(`\`pulumi ${args.join(' ')}\` failed:\n${stderr.trim() || message}`);
  }
}

/** @param json what `pulumi preview --json` printed @throws CommandError where it is something else */
export function parsePreview(json: string): Finding[] {
  let digest: PreviewDigest;
  try {
    digest = JSON.parse(json) as PreviewDigest;
  } catch {
    throw new CommandError('The Pulumi CLI printed no JSON.');
  }
  // A refresh tells first what it learns of a resource, and then comes what is done about it; a replacement is told three times.
  const last = new Map((digest.steps ?? []).filter(({ op }) => !PARTS.includes(op)).map((step) => [step.urn, step]));
  return [...last.values()].filter(({ op }) => op !== 'same').flatMap(stepFindings);
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
