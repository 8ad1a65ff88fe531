import { existsSync, readFileSync } from 'node:fs';
import { writeDurably } from './files.ts';
import type { Vault } from './secrets.ts';
import { EngineError, messageOf } from './types.ts';
import type { Values } from './values.ts';

/** What the state knows of one resource. `outputs` holds what the provider computed, beyond the inputs. */
export interface Entry {
  urn: string;
  type: string;
  name: string;
  custom: boolean;
  /** Docker engine that it is on, as DOCKER_HOST; undefined: the one of the environment. It stays there whatever its provider says later. */
  machine?: string;
  /** URN of its explicit provider, whose entry holds the settings to reach it with: the newest, as keys are renewed. */
  provider?: string;
  id?: string;
  inputs: Values;
  outputs: Values;
  parent?: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  /** Whoever deletes or replaces it leaves the object itself where it is. */
  retainOnDelete?: boolean;
  /** Outputs that the program wants kept secret. */
  additionalSecretOutputs: string[];
  /** A step that was begun and not seen to end. Written before the world is touched: a killed run is repaired from it. */
  pending?: 'create' | 'update' | 'delete';
  /** Replaced by a newer entry of the same URN, and still to be deleted. */
  condemned?: true;
}

export const stackType = 'pulumi:pulumi:Stack';
/** The explicit providers that the engine knows, with what each may say. */
export const providerTypes: Readonly<Record<string, readonly string[]>> = {
  'pulumi:providers:cloudflare': ['apiToken', 'baseUrl'],
  'pulumi:providers:docker': ['host'],
};
export const isProvider = (type: string): boolean => Object.hasOwn(providerTypes, type);

/** The state of one stack: a JSON file, mode 0600, replaced as a whole at each step. */
export class State {
  readonly path: string;
  readonly #vault: Vault;
  readonly #live = new Map<string, Entry>();
  #condemned: Entry[] = [];

  constructor(path: string, vault: Vault) {
    this.path = path;
    this.#vault = vault;
    if (!existsSync(path)) return;
    try {
      const { resources } = JSON.parse(readFileSync(path, 'utf8')) as { resources: Entry[] };
      for (const stored of resources) {
        const entry = { ...stored, inputs: vault.unseal(stored.inputs) as Values, outputs: vault.unseal(stored.outputs) as Values };
        if (entry.condemned) this.#condemned.push(entry);
        else this.#live.set(entry.urn, entry);
      }
    } catch (error) {
      if (error instanceof EngineError) throw error;
      throw new EngineError(`The state ${path} cannot be read (${messageOf(error)}). Restore it from a copy.`, { begun: false });
    }
  }

  get(urn: string): Entry | undefined {
    return this.#live.get(urn);
  }

  /** Every entry, live and condemned. */
  entries(): Entry[] {
    return [...this.#live.values(), ...this.#condemned];
  }

  stack(): Entry | undefined {
    return [...this.#live.values()].find((entry) => entry.type === stackType);
  }

  /** Makes `entry` the live one of its URN. */
  put(entry: Entry): void {
    this.#live.set(entry.urn, entry);
  }

  /** Sets the live entry aside, to be deleted once nothing needs it. */
  condemn(entry: Entry): void {
    this.#live.delete(entry.urn);
    this.#condemned.push({ ...entry, condemned: true });
  }

  remove(entry: Entry): void {
    if (entry.condemned) this.#condemned = this.#condemned.filter((other) => other !== entry);
    else if (this.#live.get(entry.urn) === entry) this.#live.delete(entry.urn);
  }

  save(): void {
    const resources = this.entries().map((entry) => ({ ...entry, inputs: this.#vault.seal(entry.inputs), outputs: this.#vault.seal(entry.outputs) }));
    writeDurably(this.path, JSON.stringify({ version: 1, resources }, undefined, 2) + '\n');
  }
}
