import { type Difference, inputDifferences } from './differences.ts';
import type { Drift, Provider, Step } from './providers/provider.ts';
import { replacesOn } from './providers/provider.ts';
import type { Registration } from './registration.ts';
import type { Entry } from './state.ts';
import { recorded } from './steps.ts';
import { EngineError, type Action } from './types.ts';
import { changedKeys, hasSecret, hasUnknown, reveal, type Plain, type Values } from './values.ts';

/** What is to be done with a registered resource, and why. */
export interface Plan {
  action: Exclude<Action, 'delete'>;
  reason?: string;
  differences?: readonly Difference[];
  /** The old object must be gone before the new one is made. */
  deleteFirst: boolean;
}

/** @throws EngineError naming the resource and every input that the engine does not know or accept */
export function checkInputs({ type, name, inputs }: Registration, provider: Provider): void {
  const complain = (what: string) => new EngineError(`${type} ${name}: ${what}`);
  const unknown = Object.keys(inputs).filter((key) => !provider.inputs.includes(key));
  if (unknown.length > 0) throw complain(`the embedded engine does not know the input ${unknown.join(', ')}. Leave it out, or deploy with the Pulumi CLI.`);
  const missing = provider.required.filter((key) => inputs[key] === undefined);
  if (missing.length > 0) throw complain(`the input ${missing.join(', ')} is required here: the embedded engine makes up no names.`);
  for (const [key, reason] of Object.entries(provider.neverSecret ?? {})) {
    if (hasSecret(inputs[key] ?? null)) throw complain(`the input ${key} holds a secret, and ${reason}.`);
  }
  const known: Plain = {};
  for (const [key, value] of Object.entries(inputs)) if (!hasUnknown(value)) known[key] = reveal(value);
  const fault = provider.check?.(known);
  if (fault) throw complain(`${fault}.`);
}

/** The inputs with the ones of `ignoreChanges` as the state has them. */
export function effectiveInputs({ inputs, ignoreChanges }: Registration, old: Entry | undefined): Values {
  if (!old) return inputs;
  const kept: Values = { ...inputs };
  for (const key of ignoreChanges) {
    const before = old.inputs[key];
    if (before === undefined) delete kept[key];
    else kept[key] = before;
  }
  return kept;
}

/** Compares what is wanted with the state and, where they agree, with the world. @param seen what others saw of the world */
export async function planStep(wanted: Registration, inputs: Values, old: Entry | undefined, provider: Provider, step: Step, seen: readonly Difference[] = []): Promise<Plan> {
  if (!old) return { action: 'create', deleteFirst: false };
  const sameName = provider.exclusiveName && !changedKeys(old.inputs, inputs).includes('name');
  const deleteFirst = (wanted.deleteBeforeReplace || sameName) && !old.retainOnDelete;
  const interrupted = 'an earlier run did not finish it';
  // A create under the same name finds and takes over what an interrupted one has left.
  if (old.pending === 'create') return { action: 'create', reason: interrupted, deleteFirst: provider.exclusiveName && !sameName && !old.retainOnDelete };
  if (old.pending === 'delete') return { action: 'replace', reason: interrupted, deleteFirst: true };

  const changed = changedKeys(old.inputs, inputs);
  const reason = `changed: ${changed.join(', ')}`;
  const differences = inputDifferences(old.inputs, inputs, changed);
  if (changed.some((key) => replacesOn(provider, key) || wanted.replaceOnChanges.includes(key))) return { action: 'replace', reason, differences, deleteFirst };

  const drift = (await provider.drift?.(recorded(old), step)) ?? driftOf(seen);
  // What is gone cannot be updated.
  if (!drift?.missing && changed.length > 0) return { action: 'update', reason, differences, deleteFirst };
  if (!drift?.missing && old.pending === 'update') return { action: 'update', reason: interrupted, deleteFirst };
  if (!drift) return { action: 'same', deleteFirst };
  const gone = { path: '', expected: 'there', found: 'gone: removed by hand' };
  return { action: drift.missing ? 'create' : provider.update ? 'update' : 'replace', reason: drift.reason, differences: drift.differences ?? (drift.missing ? [gone] : []), deleteFirst };
}

const driftOf = (seen: readonly Difference[]): Drift | undefined => (seen.length > 0 ? { missing: false, reason: 'drift: changed by hand', differences: seen } : undefined);
