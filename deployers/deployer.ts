/** What is noted of a preview, in short texts: where the state is kept by Pulumi, each is a tag of the stack. */
export type Notes = Readonly<Record<string, string>>;

/** A preview as it is to be. */
export interface Order {
  /** Name of its stack. */
  readonly name: string;
  /** Stack whose config it is made from. */
  readonly template: string;
  /** Keys of the namespace that differ from the template's; undefined leaves one out. None is a secret. */
  readonly changes: Readonly<Record<string, unknown>>;
}

export interface Deployed {
  /** Resources by what was done to them. */
  readonly changes: Readonly<Record<string, number>>;
  /** Outputs, secrets in plain text. */
  readonly outputs: Readonly<Record<string, unknown>>;
}

export interface Listed {
  readonly name: string;
  /** What was noted of it; undefined: it is no preview. */
  readonly notes: Notes | undefined;
  /** `half-made`: its last run did not come to its end. */
  readonly state: 'stands' | 'half-made' | 'at work';
}

/** Who deploys stacks of this project: the embedded engine, or the Pulumi CLI by its Automation API. */
export interface Deployer {
  /** Whether states are files of this checkout: what is not in them was not deployed from here. */
  readonly keepsStateHere: boolean;
  /** Notes what is known of a preview, before anything of it is made. */
  note(name: string, notes: Notes): Promise<void>;
  /** Makes it, or brings it up to date. What a killed run has left is taken over, its lock included. */
  up(order: Order): Promise<Deployed>;
  /**
   * Removes all of it, its config and its state; what was noted of it goes last. What is gone already is passed over.
   * @param evenIfLocked whether a lock is taken away, whose holder cannot be told from one that was killed
   */
  destroy(name: string, options: { evenIfLocked: boolean }): Promise<void>;
  /** All stacks that it knows, previews or not. */
  list(): Promise<Listed[]>;
  /** Outputs of a stack, secrets in plain text. Undefined where there is none. */
  outputs(name: string): Promise<Readonly<Record<string, unknown>> | undefined>;
}
