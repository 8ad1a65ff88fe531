import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger };
/** Where lines go. */
export type Lines = DestinationStream;

const standardOutputOptions = {
  dest: 1,
  // Lines wait for each other a moment: a system call for each would cost more than all else that is done for it. One for
  // many costs less than the way to another thread.
  sync: true,
  minLength: 3_072,
  periodicFlush: 500,
  // Workers share one pipe: writes up to this size (PIPE_BUF) are not torn apart by each other.
  maxWrite: 4_096,
  // Past it lines are dropped: when nobody reads the log, serving matters more than memory without end.
  maxLength: 16 * 1024 * 1024,
};

export function standardOutput(): Lines {
  return pino.destination(standardOutputOptions);
}

/** Writes JSON lines. */
export function createLogger(lines: Lines): Logger {
  const options = { base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: { level: (level: string) => ({ level }) } };
  return pino(options, lines);
}

/** A name that a caller chose, as far as it is fit for a log: names that are long or odd could be anything, secrets too. */
export function loggable(name: string | undefined): string | undefined {
  return name !== undefined && /^[\w./:-]{1,64}$/.test(name) ? name : undefined;
}

/** An unexpected error for the log: its kind and place. Messages are left out, since they may quote a body or a header. */
export function describeError(error: unknown): { error: string; at: string[] } {
  if (!(error instanceof Error)) return { error: typeof error, at: [] };
  const frames = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
  return { error: error.name, at: frames.slice(0, 6).map((line) => line.trim()) };
}
