import { performance } from 'node:perf_hooks';
import { CloudflareApi } from './providers/cloudflare.ts';
import { DockerHost } from './providers/docker.ts';
import { providerOf } from './providers/index.ts';
import type { Recorded, Step } from './providers/provider.ts';
import type { Masker } from './secrets.ts';
import type { Entry, State } from './state.ts';
import { messageOf, type Action, type EngineEvent, type Outcome, type StackOptions } from './types.ts';
import { revealAll, type Plain } from './values.ts';

type Handled = Pick<Entry, 'urn' | 'name' | 'machine' | 'provider' | 'retainOnDelete' | 'additionalSecretOutputs'>;

/** What all steps of one run share, and the account of them. */
export class Run {
  readonly state: State;
  readonly masker: Masker;
  /** Ends waiting and child processes; no step starts after it. */
  readonly signal: AbortSignal;
  readonly preview: boolean;
  readonly refresh: StackOptions['refresh'];
  readonly directory: string;
  /** What the program says of its explicit providers in this run, by URN. */
  readonly settings = new Map<string, Plain>();
  /** By machine. */
  readonly #engines = new Map<string | undefined, DockerHost>();
  readonly changes: Outcome['changes'] = { create: 0, update: 0, replace: 0, delete: 0, same: 0 };
  /** What went wrong, in the order it did. */
  readonly failures: string[] = [];
  readonly #onEvent: (event: EngineEvent) => void;

  constructor(given: { state: State; masker: Masker; signal: AbortSignal; preview: boolean; refresh?: StackOptions['refresh']; directory: string; onEvent: (event: EngineEvent) => void }) {
    this.state = given.state;
    this.masker = given.masker;
    this.signal = given.signal;
    this.preview = given.preview;
    this.refresh = given.refresh;
    this.directory = given.directory;
    this.#onEvent = given.onEvent;
  }

  /** The one way out for events: everything in them that could hold a secret is masked here. */
  emit(event: EngineEvent): void {
    const mask = (text: string) => this.masker.mask(text);
    if (event.kind === 'progress') this.#onEvent({ ...event, line: mask(event.line) });
    else if (event.kind === 'failed') this.#onEvent({ ...event, error: mask(event.error) });
    else if (event.kind === 'log') this.#onEvent({ ...event, message: mask(event.message) });
    else {
      const differences = event.differences?.map(({ path, expected, found }) => ({ path, expected: mask(expected), found: mask(found) }));
      this.#onEvent({ ...event, reason: event.reason && mask(event.reason), ...(differences && { differences }) });
    }
  }

  fail(message: string): void {
    const masked = this.masker.mask(message);
    // One cause (no Docker engine) may fail many steps at a time in the same words.
    if (!this.failures.includes(masked)) this.failures.push(masked);
  }

  /** Whether new steps may start. */
  get stopped(): boolean {
    return this.failures.length > 0 || this.signal.aborted;
  }

  /** Announces a step, does it, and accounts for it. A failure is noted and thrown on. */
  async step<T>(resource: Pick<Entry, 'type'> & Handled, action: Action, reason: string | undefined, work: (step: Step) => Promise<T>, counted = true): Promise<T> {
    const { urn, type, name } = resource;
    const about = { urn, type, name, action, reason, retained: action === 'delete' ? resource.retainOnDelete : undefined };
    const started = performance.now();
    this.emit({ kind: 'started', ...about });
    try {
      const result = await work(this.handle(resource));
      if (counted) this.changes[action]++;
      this.emit({ kind: 'finished', ...about, seconds: (performance.now() - started) / 1000 });
      return result;
    } catch (error) {
      const message = this.signal.aborted ? 'cancelled' : messageOf(error);
      this.emit({ kind: 'failed', urn, name, action, error: message });
      this.fail(`${shortType(type)} ${name}: ${message}`);
      throw error;
    }
  }

  /** What a provider gets to work with on a resource. */
  handle({ urn, name, machine, provider, additionalSecretOutputs: secretOutputs }: Handled): Step {
    const { signal, directory } = this;
    const docker = this.#engines.get(machine) ?? new DockerHost(machine);
    this.#engines.set(machine, docker);
    const cloudflare = this.cloudflare(provider);
    return { urn, name, signal, docker, cloudflare, directory, thorough: this.refresh !== undefined, secretOutputs, progress: (line) => this.emit({ kind: 'progress', urn, name, line }) };
  }

  /** Cloudflare's API by the settings of an explicit provider: those of this run, or else those that the state has kept. */
  cloudflare(provider: string | undefined): CloudflareApi {
    const settings = provider === undefined ? undefined : (this.settings.get(provider) ?? revealAll(this.state.get(provider)?.inputs ?? {}));
    return new CloudflareApi(settings ?? {}, this.signal);
  }
}

/** `docker:index/container:Container` → `Container`. */
export const shortType = (type: string): string => type.slice(type.lastIndexOf(':') + 1);

/** Makes the secrets of a resource known to the masker. */
export function learnSecrets(masker: Masker, { type, name, custom, inputs, outputs, additionalSecretOutputs }: Entry): void {
  masker.learn(inputs);
  // What a command prints is kept secret to be safe, but it is no secret to look for in other output.
  const derived = custom ? (providerOf(type, name).derivedOutputs ?? []) : [];
  for (const [key, value] of Object.entries(outputs)) {
    if (!derived.includes(key) || additionalSecretOutputs.includes(key)) masker.learn(value);
  }
}

/** An entry as a provider sees it. */
export const recorded = (entry: Entry): Recorded => ({ id: entry.id, inputs: revealAll(entry.inputs), outputs: revealAll(entry.outputs) });
