import type { Exchange } from '../exchange.ts';
import type { Step, Walk } from '../walk.ts';

/** `failure`: the client does not get on from there. `warning`: it does, with a flaw that people notice. `note`: what to know. */
export type Weight = 'failure' | 'warning' | 'note';

/** A cause as it was seen. Whole sentences; what is said of several clients in the same words is said once. */
export interface Sighting {
  readonly what: string;
  readonly remedy: string;
  /** Default: failure. */
  readonly weight?: Weight;
  readonly evidence: readonly (Exchange | undefined)[];
  /** Where it is not the cause's own. */
  readonly step?: Step;
}

/** Something that keeps clients out in the field. */
export interface Cause {
  readonly id: string;
  readonly step: Step;
  /** Where it was seen, or which rule it breaks. */
  readonly source: string;
  readonly look: (walk: Walk) => Sighting | readonly Sighting[] | undefined | false;
}
