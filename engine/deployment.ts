import { deleteEntries } from './deletion.ts';
import { checkInputs, effectiveInputs, planStep, type Plan } from './plan.ts';
import type { Invocation } from './monitor.ts';
import { functionOf, providerOf } from './providers/index.ts';
import { NothingMade, replacesOn, type Made, type Provider, type Step } from './providers/provider.ts';
import type { Registration } from './registration.ts';
import { isProvider, providerTypes, stackType, type Entry } from './state.ts';
import { learnSecrets, recorded, shortType, type Run } from './steps.ts';
import { EngineError, messageOf, type Wanted } from './types.ts';
import { fromWire, hasSecret, hasUnknown, revealAll, Secret, type Plain, type Values } from './values.ts';

/**
 * Brings the world to what the program registers, one resource at a time as the program asks: order and parallelism
 * come from the program, which registers a resource once all its inputs are known.
 */
export class Deployment {
  readonly #run: Run;
  readonly #registered = new Set<string>();
  readonly #inFlight = new Set<Promise<unknown>>();
  /** Deleted ahead of their turn since something they need was replaced: URN → reason. */
  readonly #cleared = new Map<string, string>();
  /** Clearing goes one at a time: two replacements may have the same dependents. */
  #clearing: Promise<unknown> = Promise.resolve();
  #stackOutputs: Values | undefined;
  /** What a preview foresees. */
  readonly wanted: Wanted[] = [];

  constructor(run: Run) {
    this.#run = run;
  }

  /** What the program exports; undefined until it has run to its end. */
  get stackOutputs(): Values | undefined {
    return this.#stackOutputs;
  }

  register(wanted: Registration): Promise<{ id: string | undefined; properties: Values }> {
    return this.#track(this.#register(wanted));
  }

  invoke(invocation: Invocation): Promise<Values> {
    return this.#track(this.#invoke(invocation));
  }

  /** Resolves when every step that was begun has ended, well or not. */
  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }

  registerOutputs(urn: string, outputs: Values): void {
    this.#run.masker.learn(outputs);
    const entry = this.#run.state.get(urn);
    if (entry && !this.#run.preview) entry.outputs = entry.type === stackType ? entry.outputs : outputs;
    if (entry?.type === stackType || urn.includes(`::${stackType}::`)) this.#stackOutputs = outputs;
  }

  /** Deletes what the program no longer registers, and the replaced. Only for a program that ended without an error. */
  async finish(): Promise<void> {
    const { state, preview } = this.#run;
    const obsolete = state.entries().filter((entry) => entry.condemned || !this.#registered.has(entry.urn));
    const kept = obsolete.filter((entry) => entry.protect && !entry.condemned);
    for (const entry of kept) {
      this.#run.fail(`${shortType(entry.type)} ${entry.name}: the program no longer has it, but it is protected. Set protect to false and run once before taking it out.`);
    }
    if (kept.length === 0) await deleteEntries(this.#run, obsolete);
    const stack = state.stack();
    if (stack && !preview) stack.outputs = this.#stackOutputs ?? {};
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    const done = () => this.#inFlight.delete(work);
    work.then(done, done);
    return work;
  }

  async #invoke({ name, provider, inputs }: Invocation): Promise<Values> {
    const { call, inputs: known } = functionOf(name);
    const short = shortType(name);
    const unknown = Object.keys(inputs).filter((key) => !known.includes(key));
    if (unknown.length > 0) throw new EngineError(`${short}: the embedded engine does not know the input ${unknown.join(', ')}.`);
    if (this.#run.stopped) throw new Error('the deployment has stopped');
    try {
      const result = await call(revealAll(inputs), this.#run.cloudflare(provider));
      this.#run.masker.learn(result);
      return result;
    } catch (error) {
      throw new EngineError(`${short}: ${messageOf(error)}`);
    }
  }

  async #register(wanted: Registration): Promise<{ id: string | undefined; properties: Values }> {
    const { state, masker, preview } = this.#run;
    if (this.#run.stopped) throw new Error('the deployment has stopped');
    if (this.#registered.has(wanted.urn)) throw new EngineError(`${wanted.type} ${wanted.name}: the program registers it twice. Give each its own name.`);
    this.#registered.add(wanted.urn);
    masker.learn(wanted.inputs);
    const old = state.get(wanted.urn);
    if (isProvider(wanted.type)) this.#run.settings.set(wanted.urn, settingsOf(wanted));
    if (!wanted.custom) {
      if (!preview) state.put({ ...this.#describe(wanted, wanted.inputs), outputs: old?.outputs ?? {} });
      // The SDK takes a provider without an id for one that is not known yet.
      return { id: isProvider(wanted.type) ? 'provider' : undefined, properties: {} };
    }

    const provider = providerOf(wanted.type, wanted.name);
    checkInputs(wanted, provider);
    const inputs = effectiveInputs(wanted, old);
    const plan = await this.#plan(wanted, inputs, old, provider);
    if (plan.action === 'replace' && old?.protect && wanted.protect) {
      throw new EngineError(`${shortType(wanted.type)} ${wanted.name} would have to be replaced (${plan.reason}), but it is protected. Set protect to false if its content may be lost.`);
    }
    if (plan.action === 'replace' && old?.retainOnDelete) plan.reason += '; what it replaces stays';
    if (preview) return this.#foresee(wanted, inputs, old, plan, provider);
    if (plan.action === 'same' && old) {
      // What needs no step may have changed all the same: dependencies, protection, secret marks.
      const entry = { ...this.#describe(wanted, inputs), id: old.id, outputs: mark(revealAll(old.outputs), wanted, provider) };
      state.put(entry);
      this.#account(wanted, 'finished', plan);
      return answer(entry);
    }
    const entry = await this.#run.step(this.#describe(wanted, inputs), plan.action, plan.reason, (step) => this.#carryOut(wanted, inputs, old, plan, provider, step));
    return answer(entry);
  }

  async #plan(wanted: Registration, inputs: Values, old: Entry | undefined, provider: Provider): Promise<Plan> {
    const cleared = this.#cleared.get(wanted.urn);
    if (cleared) return { action: 'replace', reason: cleared, deleteFirst: false };
    return planStep(wanted, inputs, old, provider, this.#run.handle(this.#describe(wanted, inputs)), this.#run.refresh?.[wanted.urn]);
  }

  async #carryOut(wanted: Registration, inputs: Values, old: Entry | undefined, plan: Plan, provider: Provider, step: Step): Promise<Entry> {
    const { state } = this.#run;
    const entry = this.#describe(wanted, inputs);
    if (plan.action === 'update' && old) {
      if (!provider.update) throw new Error(`${wanted.type} cannot be updated`);
      state.put({ ...old, pending: 'update' });
      state.save();
      return this.#conclude(entry, await provider.update(recorded(old), revealAll(inputs), step), wanted, provider);
    }
    if (old) {
      if (plan.deleteFirst) await this.#clear(old, provider, step);
      else if (old.pending !== 'create') state.condemn(old);
    }
    const begun: Entry = { ...entry, pending: 'create' };
    state.put(begun);
    state.save();
    try {
      const found = old?.pending === 'create' ? await provider.adopt?.(revealAll(inputs), step) : undefined;
      return this.#conclude(entry, found ?? (await provider.create(revealAll(inputs), step)), wanted, provider);
    } catch (error) {
      // The next run has nothing to look for, and takes over nothing that is somebody else's.
      if (error instanceof NothingMade) {
        state.remove(begun);
        state.save();
      }
      throw error;
    }
  }

  #conclude(entry: Entry, made: Made, wanted: Registration, provider: Provider): Entry {
    const done = { ...entry, id: made.id, outputs: mark(made.outputs, wanted, provider) };
    learnSecrets(this.#run.masker, done);
    this.#run.state.put(done);
    this.#run.state.save();
    return done;
  }

  /** Deletes an object that its replacement cannot stand beside, after everything that is built on it. */
  async #clear(old: Entry, provider: Provider, step: Step): Promise<void> {
    const { state } = this.#run;
    const cleared = this.#clearing.then(() => this.#clearDependents(old));
    this.#clearing = cleared.catch(() => {});
    await cleared;
    state.put({ ...old, pending: 'delete' });
    state.save();
    await provider.remove(recorded(old), step);
  }

  async #clearDependents(old: Entry): Promise<void> {
    const dependents = this.#builtOn(old.urn);
    const kept = dependents.filter((entry) => entry.protect);
    if (kept.length > 0) throw new EngineError(`it must be replaced, and with it ${kept.map((entry) => entry.name).join(', ')}, which is protected. Set protect to false if its content may be lost`);
    for (const entry of dependents) this.#cleared.set(entry.urn, `${old.name} is replaced`);
    await deleteEntries(this.#run, dependents, `${old.name} is replaced`);
    if (dependents.some((entry) => this.#run.state.get(entry.urn))) throw new EngineError('what depends on it could not be deleted');
  }

  /** The resources, directly or not, that a new `urn` makes new: those with an input from it whose change replaces them. */
  #builtOn(urn: string): Entry[] {
    const found = new Map<string, Entry>();
    const visit = (target: string) => {
      for (const entry of this.#run.state.entries()) {
        if (entry.condemned || !entry.custom || found.has(entry.urn) || this.#registered.has(entry.urn)) continue;
        const inputs = Object.keys(entry.propertyDependencies).filter((key) => entry.propertyDependencies[key]!.includes(target));
        if (!inputs.some((key) => replacesOn(providerOf(entry.type, entry.name), key))) continue;
        found.set(entry.urn, entry);
        visit(entry.urn);
      }
    };
    visit(urn);
    return [...found.values()];
  }

  /** A preview's answer: what is not yet known is left out, which the SDK takes for unknown. */
  #foresee(wanted: Registration, inputs: Values, old: Entry | undefined, plan: Plan, provider: Provider): { id: string | undefined; properties: Values } {
    this.#account(wanted, 'planned', plan);
    const { machine } = this.#describe(wanted, inputs);
    this.wanted.push({ urn: wanted.urn, type: wanted.type, name: wanted.name, ...(machine !== undefined && { machine }), inputs: revealAll(Object.values(inputs).some(hasUnknown) && old ? old.inputs : inputs) });
    if (plan.action === 'same' && old) return answer({ ...this.#describe(wanted, inputs), id: old.id, outputs: mark(revealAll(old.outputs), wanted, provider) });
    if (old && plan.deleteFirst && plan.action !== 'update') {
      for (const entry of this.#builtOn(old.urn)) this.#cleared.set(entry.urn, `${old.name} is replaced`);
    }
    return { id: plan.action === 'update' ? old?.id : undefined, properties: inputs };
  }

  #describe(wanted: Registration, inputs: Values): Entry {
    const { urn, type, name, custom, provider, parent, dependencies, propertyDependencies, protect, retainOnDelete, additionalSecretOutputs } = wanted;
    const machine = provider === undefined ? undefined : (this.#run.settings.get(provider)?.['host'] as string | undefined);
    return { urn, type, name, custom, machine, provider, inputs, outputs: {}, parent, dependencies, propertyDependencies, protect, retainOnDelete, additionalSecretOutputs };
  }

  #account(wanted: Registration, kind: 'planned' | 'finished', { action, reason, differences }: Plan): void {
    this.#run.changes[action]++;
    this.#run.emit({ kind, urn: wanted.urn, type: wanted.type, name: wanted.name, action, reason, ...(differences && { differences }) });
  }
}

const answer = (entry: Entry) => ({ id: entry.id, properties: { ...entry.inputs, ...entry.outputs } });

/** What an explicit provider says. @throws EngineError where that is more than the engine knows */
function settingsOf({ type, name, inputs }: Registration): Plain {
  const { version: _, ...settings } = revealAll(inputs);
  const unknown = Object.keys(settings).filter((key) => !providerTypes[type]!.includes(key));
  if (unknown.length > 0) throw new EngineError(`${type} ${name}: the embedded engine does not know the input ${unknown.join(', ')}. Leave it out, or deploy with the Pulumi CLI.`);
  return settings;
}

/** Computed outputs, with the ones that are secret marked so. */
function mark(outputs: Record<string, unknown>, wanted: Registration, provider: Provider): Values {
  const derived = hasSecret(wanted.inputs) ? (provider.derivedOutputs ?? []) : [];
  const secret = new Set([...wanted.additionalSecretOutputs, ...(provider.secretOutputs ?? []), ...derived]);
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [key, secret.has(key) ? new Secret(fromWire(value)) : fromWire(value)]),
  );
}
