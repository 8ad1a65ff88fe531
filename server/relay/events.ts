const NEW_LINE = 0x0a;

/** Cuts a stream of bytes into its events. The work is in proportion to the bytes, however they are cut on their way. */
export class EventSplitter {
  /** What has come of an event that is not complete. */
  #parts: Buffer[] = [];
  #size = 0;

  /** Bytes of the event that is not complete. */
  get size(): number {
    return this.#size;
  }

  /** @returns the events that are complete now, each with the empty line that ends it */
  push(chunk: Buffer): Buffer[] {
    const known = this.#size;
    this.#parts.push(chunk);
    this.#size += chunk.length;
    // Only an end of line can end an event.
    if (!chunk.includes(NEW_LINE)) return [];
    let data = this.take();
    const events: Buffer[] = [];
    for (let from = Math.max(0, known - 3); ; from = 0) {
      const end = endOfEvent(data, from);
      if (end < 0) break;
      events.push(data.subarray(0, end));
      data = data.subarray(end);
    }
    this.hold(data);
    return events;
  }

  /** Gives what there is of the event that is not complete, and forgets it. */
  take(): Buffer {
    const data = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return data;
  }

  /** The start of an event whose rest is still to come. */
  hold(data: Buffer): void {
    this.#parts = data.length > 0 ? [data] : [];
    this.#size = data.length;
  }
}

/** Where the first event ends, after the empty line; -1 while there is none. */
function endOfEvent(data: Buffer, from: number): number {
  const plain = data.indexOf('\n\n', from);
  const before = plain < 0 ? data : data.subarray(0, plain);
  const returned = before.indexOf('\r\n\r\n', from);
  return returned >= 0 ? returned + 4 : plain < 0 ? -1 : plain + 2;
}

/** The data of an event: its lines joined, as the specification of server-sent events has it. */
export function dataOf(event: Buffer): string {
  return linesOf(event).data.join('\n');
}

/** The lines of an event: what its data lines say, and the other lines as they are. */
export function linesOf(event: Buffer): { data: string[]; others: string[] } {
  const lines = event.toString().split(/\r?\n/).filter((line) => line !== '');
  const isData = (line: string) => line.startsWith('data:');
  return { data: lines.filter(isData).map((line) => line.slice(5).trimStart()), others: lines.filter((line) => !isData(line)) };
}
