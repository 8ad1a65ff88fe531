/** What a soak found out. */
export interface Findings {
  /** Words → number, in the order in which to print them. */
  readonly figures: Readonly<Record<string, number>>;
  /** What must not have happened, and has. None: it passed. */
  readonly failures: readonly string[];
}
