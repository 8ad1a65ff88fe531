export type Log = (line: string) => void;

const MAX_LENGTH = 2_000;
const LINES_AT_ONCE = 200;
const LINES_A_SECOND = 20;

/** Writes lines to standard output. What would end a line or drive a terminal is taken out: servers write what users send. */
export function createLog(write: (text: string) => void = (text) => void process.stdout.write(text)): Log {
  return (line) => write(`${line.slice(0, MAX_LENGTH).replace(/\p{Cc}/gu, ' ')}\n`);
}

/** Takes the error output of a server, in chunks, and logs it line by line, as many as a busy server may write. */
export class ErrorOutput {
  /** The newest line: often why a server stopped. */
  last = '';
  readonly #log: Log;
  #rest = '';
  #allowance = LINES_AT_ONCE;
  #countedAt = performance.now();
  #leftOut = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!.slice(0, MAX_LENGTH);
    for (const line of lines) this.#take(line);
  }

  end(): void {
    this.#take(this.#rest);
    this.#rest = '';
    this.#sayLeftOut();
  }

  #take(line: string): void {
    if (line.trim() === '') return;
    this.last = line.trim().slice(0, MAX_LENGTH);
    const now = performance.now();
    this.#allowance = Math.min(LINES_AT_ONCE, this.#allowance + ((now - this.#countedAt) / 1000) * LINES_A_SECOND);
    this.#countedAt = now;
    if (this.#allowance < 1) {
      this.#leftOut += 1;
      return;
    }
    this.#allowance -= 1;
    this.#sayLeftOut();
    this.#log(line);
  }

  #sayLeftOut(): void {
    if (this.#leftOut > 0) this.#log(`(${this.#leftOut} lines left out)`);
    this.#leftOut = 0;
  }
}
