/** What goes wrong with a call: an answer, or a connection cut before the call took effect, or after it did. */
export type Fault = { status: 500 | 502 | 503 } | { status: 429; retryAfter: number } | { cut: 'before' | 'after' };

interface Planned {
  fault: Fault;
  matches: (line: string) => boolean;
  /** Calls that match and still go well. */
  skip: number;
  /** Calls that go wrong: clients retry. */
  times: number;
}

/** Faults on demand. A request line is a method and a path below the base: `POST /zones/…/dns_records`. */
export class Faults {
  /** How many calls went wrong so far: none when a run made fewer calls than `failAt` counted. */
  met = 0;
  #planned: Planned[] = [];
  #eachOnce?: { fault: Fault; seen: Set<string> };

  /** The next call whose request line matches goes wrong, and so do its `times - 1` repetitions. */
  failNext(line: string | RegExp, fault: Fault, times = 1): void {
    this.#planned.push({ fault, matches: (one) => (typeof line === 'string' ? one === line : line.test(one)), skip: 0, times });
  }

  /** The `number`th call from now (1 is the next), of those whose request line matches, goes wrong, and so do `times - 1` repetitions of it: of the same line. */
  failAt(number: number, fault: Fault, times = 1, matching = /^/): void {
    this.#planned.push({ fault, matches: (one) => matching.test(one), skip: number - 1, times });
  }

  /** Each call goes wrong the first time that its request line is seen, whatever the ids in it. */
  failEachOnce(fault: Fault): void {
    this.#eachOnce = { fault, seen: new Set() };
  }

  clear(): void {
    this.met = 0;
    this.#planned = [];
    this.#eachOnce = undefined;
  }

  /** What goes wrong with this call. */
  take(line: string): Fault | undefined {
    for (const planned of this.#planned) {
      if (!planned.matches(line) || planned.skip-- > 0) continue;
      this.met += 1;
      planned.skip = 0;
      planned.matches = (one) => one === line;
      if (--planned.times === 0) this.#planned = this.#planned.filter((other) => other !== planned);
      return planned.fault;
    }
    const kind = line.replaceAll(/[0-9a-f-]{32,36}/g, '…');
    if (!this.#eachOnce || this.#eachOnce.seen.has(kind)) return undefined;
    this.met += 1;
    this.#eachOnce.seen.add(kind);
    return this.#eachOnce.fault;
  }
}
