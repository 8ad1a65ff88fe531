import type { Difference } from './differences.ts';

/** What the engine takes and gives: the types of its API, shared by its files. */

export interface StackOptions {
  /** Holds `Pulumi.yaml` (name, main, config defaults) and `Pulumi.<stack>.yaml`. */
  projectDirectory: string;
  stack: string;
  /** Gets `<stack>.json` (state), `<stack>.key` (key of the secrets in it) and `<stack>.lock`. */
  stateDirectory: string;
  /** Takes the place of what `Pulumi.<stack>.yaml` says; keys as in the YAML (`project:key`). */
  config?: Record<string, unknown>;
  /**
   * Looks at each object itself, and not just at what its engine lists. URN → how a resource differs of which only its maker can tell: it is
   * made or updated anew.
   */
  refresh?: Readonly<Record<string, readonly Difference[]>>;
  onEvent?: (event: EngineEvent) => void;
  signal?: AbortSignal;
}

export type Action = 'create' | 'update' | 'replace' | 'delete' | 'same';

/** Events are about custom resources; components only group them. `planned` comes from `preview` alone. `retained`: what is deleted leaves the state alone (retainOnDelete). */
export type EngineEvent =
  | { kind: 'planned' | 'started' | 'finished'; urn: string; type: string; name: string; action: Action; reason?: string; differences?: readonly Difference[]; retained?: boolean; seconds?: number }
  | { kind: 'progress'; urn: string; name: string; line: string }
  | { kind: 'failed'; urn: string; name: string; action: Action; error: string }
  | { kind: 'log'; severity: 'debug' | 'info' | 'warning' | 'error'; message: string };

export interface Outcome {
  /** Custom resources by what was done to them. */
  changes: Record<Action, number>;
  /** The stack's outputs, secrets in plain text; `secretOutputs` names the ones that hold a secret. */
  outputs: Record<string, unknown>;
  secretOutputs: string[];
  seconds: number;
  /** Of a preview: what the program wants of each resource, secrets in plain text. */
  wanted: readonly Wanted[];
}

export interface Wanted {
  urn: string;
  type: string;
  name: string;
  /** Docker engine that it is on, as DOCKER_HOST; undefined: the one of the environment. */
  machine?: string;
  /** Undefined where they will only be known after an `up`: then as the state has them. */
  inputs: Record<string, unknown>;
}

/** An error for the person at the terminal: its message names the cause and the next step. */
export class EngineError extends Error {
  override name = 'EngineError';
  /** Whether the run had begun. Where it had not, there is nothing to go on with. */
  readonly begun: boolean;

  constructor(message: string, { begun = true }: { begun?: boolean } = {}) {
    super(message);
    this.begun = begun;
  }
}

/** The message of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
