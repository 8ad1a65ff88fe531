/** The command could not do its work. The message says what and where, `next` what to do about it. Exit code 1. */
export class CommandError extends Error {
  readonly next: readonly string[];

  constructor(message: string, next: readonly string[] = []) {
    super(message);
    this.name = 'CommandError';
    this.next = next;
  }
}

/** The command was used wrongly, or its files are wrong; nothing was touched. Exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
