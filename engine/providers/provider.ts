import type { Difference } from '../differences.ts';
import type { CloudflareApi } from './cloudflare.ts';
import type { DockerHost } from './docker.ts';
import { EngineError } from '../types.ts';
import type { Plain, Values } from '../values.ts';

/** What a provider gets to do one step with. */
export interface Step {
  urn: string;
  name: string;
  signal: AbortSignal;
  docker: DockerHost;
  cloudflare: CloudflareApi;
  /** Where the program runs: relative paths start here. */
  directory: string;
  /** Whether to look at the object itself, and not just at what its engine lists. */
  thorough: boolean;
  /** Outputs that the program declares secret: they are shown nowhere. */
  secretOutputs: readonly string[];
  /** One line of output for the person who watches; secrets are masked by the engine. */
  progress: (line: string) => void;
}

/** A resource as the state knows it. After an interrupted create there is no id, and perhaps no object. */
export interface Recorded {
  id?: string;
  inputs: Plain;
  outputs: Plain;
}

export interface Made {
  id: string;
  /** What the provider computed, beyond the inputs. */
  outputs: Plain;
}

/** A create that was refused, so that it has left nothing behind. */
export class NothingMade extends EngineError {}

/** How an object differs from what the state says: gone, or there but not as it should be. That is updated where it can be, and else replaced. */
export interface Drift {
  missing: boolean;
  reason: string;
  /** Value by value; none where it is gone. */
  differences?: readonly Difference[];
}

/** Makes, changes and removes the resources of one type. Inputs are checked for unknown names and come in plain text. */
export interface Provider {
  inputs: readonly string[];
  required: readonly string[];
  /** Inputs whose change needs a new object. */
  replaceOn: 'all' | readonly string[];
  /** The input `name` is unique among the objects of this kind, so that an object with an unchanged name is deleted before its replacement is made. */
  exclusiveName: boolean;
  /** Outputs that are always secret, and those that are secret as soon as one input is. */
  secretOutputs?: readonly string[];
  derivedOutputs?: readonly string[];
  /** Inputs that must hold no secret, with the reason. */
  neverSecret?: Readonly<Record<string, string>>;
  /** Finds deeper faults in the inputs; returns what is wrong. Values may be unknown in a preview. */
  check?: (inputs: Plain) => string | undefined;
  /** Must succeed where an interrupted run has left the object behind, whole or half, unless `adopt` does that. */
  create: (inputs: Plain, step: Step) => Promise<Made>;
  /** Finds what a create has made that was begun and not seen to end; asked for only after such a one. */
  adopt?: (inputs: Plain, step: Step) => Promise<Made | undefined>;
  update?: (old: Recorded, inputs: Plain, step: Step) => Promise<Made>;
  /** An object that is already gone is fine. `successor` is the entry that has replaced this one. */
  remove: (old: Recorded, step: Step, successor?: Recorded) => Promise<void>;
  drift?: (old: Recorded, step: Step) => Promise<Drift | undefined>;
}

/** A function of a provider's (`invoke`): it asks, and changes nothing. */
export interface ProviderFunction {
  inputs: readonly string[];
  call: (inputs: Plain, cloudflare: CloudflareApi) => Promise<Values>;
}

/** Whether a change of this input needs a new object. */
export const replacesOn = (provider: Provider, input: string): boolean =>
  provider.replaceOn === 'all' || provider.replaceOn.includes(input);
