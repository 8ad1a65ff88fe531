import type { Id } from '../json-rpc.ts';

// Longest masked id: prefix, counter, and 256 characters in base64url of up to 6 bytes each, as escapes are.
const MAX_TOKEN = 2_200;
// Where a mask is an id again. Elsewhere it is text, which somebody may have written for others to read.
const keyForm = /"(?:id|requestId|progressToken)"\s*:\s*$/;
const MAX_KEY = 40;
const tokenForm = /^[0-9a-z-]+\.([A-Za-z0-9_-]+)$/;
// What a mask may stand for. Nothing else ever replaces a mask, whoever wrote it into an answer.
const literalForm = /^(?:-?\d{1,17}|"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")$/;

/**
 * Unique ids in the place of those that clients choose. Clients give the same id to calls that run at the same time, which
 * one session with a backend could not keep apart. A mask carries the id it stands for, so that any worker can take it off,
 * also from an answer that a backend replays on another stream.
 */
export class IdMask {
  readonly #start: string;
  readonly #prefix: Buffer;
  readonly #worker: number;
  #counter = 0;

  /**
   * @param secret the same in all workers, unknown to backends until they see a mask
   * @param worker makes the masks of this worker differ from the others'
   */
  constructor(secret: string, worker: number) {
    this.#start = `drawbridge.${secret}.`;
    this.#prefix = Buffer.from(`"${this.#start}`);
    this.#worker = worker;
  }

  mask(id: Id): string {
    this.#counter += 1;
    return `${this.#start}${this.#worker}-${this.#counter.toString(36)}.${Buffer.from(JSON.stringify(id)).toString('base64url')}`;
  }

  /** Takes off every mask in a stream of bytes. Nothing is parsed, so answers of any size pass as they come. */
  unmasking(): { write(chunk: Buffer): Buffer; end(): Buffer } {
    let rest: Buffer = Buffer.alloc(0);
    let before = '';
    return {
      write: (chunk) => {
        const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
        const { done, output } = this.#unmask(data, before);
        rest = data.subarray(done);
        before = textBefore(data, done, before);
        return output;
      },
      end: () => rest,
    };
  }

  #unmask(data: Buffer, before: string): { done: number; output: Buffer } {
    const parts: Buffer[] = [];
    let done = 0;
    let from = 0;
    for (;;) {
      const start = data.indexOf(this.#prefix, from);
      if (start < 0) {
        const end = data.length - this.#overlap(data, from);
        parts.push(data.subarray(done, end));
        return { done: end, output: joined(parts) };
      }
      const end = data.indexOf(0x22, start + this.#prefix.length);
      if (end < 0 && data.length - start <= MAX_TOKEN) {
        parts.push(data.subarray(done, start));
        return { done: start, output: joined(parts) };
      }
      const isKeyed = keyForm.test(textBefore(data, start, before));
      const literal = end < 0 || !isKeyed ? undefined : literalOf(data.toString('latin1', start + this.#prefix.length, end));
      from = literal === undefined ? start + 1 : end + 1;
      if (literal === undefined) continue;
      parts.push(data.subarray(done, start), literal);
      done = from;
    }
  }

  /** How many bytes at the end may be the beginning of a mask. */
  #overlap(data: Buffer, from: number): number {
    for (let length = Math.min(this.#prefix.length - 1, data.length - from); length > 0; length -= 1)
      if (data.compare(this.#prefix, 0, length, data.length - length) === 0) return length;
    return 0;
  }
}

function literalOf(token: string): Buffer | undefined {
  const encoded = tokenForm.exec(token)?.[1];
  if (encoded === undefined) return undefined;
  const literal = Buffer.from(encoded, 'base64url');
  return literalForm.test(literal.toString()) ? literal : undefined;
}

/** The last of what stands before `end` in `data`, which follows on `before`. */
function textBefore(data: Buffer, end: number, before: string): string {
  return (before + data.toString('latin1', Math.max(0, end - MAX_KEY), end)).slice(-MAX_KEY);
}

function joined(parts: Buffer[]): Buffer {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
