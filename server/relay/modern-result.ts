import { isObject } from '../json-rpc.ts';
import { EventSplitter, linesOf } from './events.ts';
import type { Rewriter } from './relay.ts';

// An event up to this size is read whole. A larger one is a result, and passes as it comes.
const MAX_EVENT_BYTES = 64 * 1024;
const TAIL_BYTES = 3;
// Each question costs a request to the backend: one answer must not make it thousands.
const MAX_REFUSALS = 20;

/** The results that carry caching hints (MCP 2026-07-28, caching). What an earlier server says may change at any time. */
const cacheable = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'];

/** Makes results of earlier versions into results of 2026-07-28, which have a type and, for some methods, caching hints. */
export interface ModernResults {
  readonly method: string;
  /** An earlier server asks its client something on a stream. In 2026-07-28 nobody is there to answer: it must be told. */
  readonly refuseRequest: (id: unknown, method: string) => void;
}

export function modernResults(options: ModernResults): (contentType: string) => Rewriter {
  const members = `"resultType":"complete"${cacheable.includes(options.method) ? ',"ttlMs":0,"cacheScope":"private"' : ''}`;
  return (contentType) => (contentType.startsWith('text/event-stream') ? new Events(members, options) : new ResultMembers(members));
}

/** Works through a stream event by event. */
class Events implements Rewriter {
  readonly #members: string;
  readonly #options: ModernResults;
  readonly #splitter = new EventSplitter();
  #refused = 0;
  /** Inside an event that is too large to be read whole. */
  #large: ResultMembers | undefined;

  constructor(members: string, options: ModernResults) {
    this.#members = members;
    this.#options = options;
  }

  write(chunk: Buffer): Buffer {
    const output: Buffer[] = [];
    for (const event of this.#splitter.push(chunk)) {
      output.push(this.#large ? this.#large.write(event) : this.#event(event));
      this.#large = undefined;
    }
    if (this.#splitter.size > (this.#large ? TAIL_BYTES : MAX_EVENT_BYTES)) {
      this.#large ??= new ResultMembers(this.#members);
      const data = this.#splitter.take();
      // A line's end may be split between two chunks.
      const pass = data.length - TAIL_BYTES;
      output.push(this.#large.write(data.subarray(0, pass)));
      this.#splitter.hold(data.subarray(pass));
    }
    return Buffer.concat(output);
  }

  end(): Buffer {
    return this.#splitter.take();
  }

  #event(event: Buffer): Buffer {
    const { data, others } = linesOf(event);
    const message = parse(data.join('\n'));
    if (!isObject(message)) return event;
    if (typeof message.method === 'string') {
      if (message.id !== undefined && (this.#refused += 1) <= MAX_REFUSALS) this.#options.refuseRequest(message.id, message.method);
      // Of what else an earlier server says here, only progress is about the call and was asked for.
      return message.method === 'notifications/progress' ? event : Buffer.alloc(0);
    }
    if (!isObject(message.result)) return event;
    const single = data.length === 1 ? event : Buffer.from([...others, `data: ${data.join(' ')}`, '', ''].join('\n'));
    return new ResultMembers(this.#members).write(single);
  }
}

/** Puts members at the start of a message's `result`, wherever it stands in the message, without holding the message. */
class ResultMembers implements Rewriter {
  readonly #members: string;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** The string that was read last, as far as it is needed to tell whether it is the key. */
  #text = '';
  #step: 'key' | 'value' | 'first' | 'done' = 'key';

  constructor(members: string) {
    this.#members = members;
  }

  write(chunk: Buffer): Buffer {
    for (let index = 0; index < chunk.length && this.#step !== 'done'; index += 1) {
      const byte = chunk[index]!;
      if (this.#step === 'first') {
        if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
        this.#step = 'done';
        const inserted = Buffer.from(byte === 0x7d ? this.#members : `${this.#members},`);
        return Buffer.concat([chunk.subarray(0, index), inserted, chunk.subarray(index)]);
      }
      this.#read(byte);
    }
    return chunk;
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }

  #read(byte: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#inString = false;
      else if (this.#text.length < 8) this.#text += String.fromCharCode(byte);
    } else if (byte === 0x22) {
      this.#inString = true;
      this.#text = '';
    } else if (byte === 0x3a && this.#depth === 1 && this.#text === 'result') this.#step = 'value';
    else if (byte === 0x7b || byte === 0x5b) {
      this.#depth += 1;
      if (this.#step === 'value') this.#step = 'first';
    } else if (byte === 0x7d || byte === 0x5d) this.#depth -= 1;
    else if (byte === 0x2c && this.#depth === 1) this.#step = 'key';
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
