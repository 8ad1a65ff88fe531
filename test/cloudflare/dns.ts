import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';

export interface ZoneRecord {
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly proxied: boolean;
}

export interface DnsOptions {
  readonly listen: { readonly address: string; readonly port: number };
  /** The zones that it knows, and what is in each at the moment. */
  readonly zones: readonly string[];
  readonly records: (zone: string) => readonly ZoneRecord[];
  /** IPv4 address of the edge, to which names of proxied records lead. */
  readonly edge: string;
  /** Other names → IPv4 address. */
  readonly names: Readonly<Record<string, string>>;
  /** Address of who is asked for all else. */
  readonly upstream: string;
}

const TYPES = { A: 1, TXT: 16 } as const;
const NAME_ERROR = 3;

/** A simulation of Cloudflare's name servers, and of a resolver before them that keeps nothing: whoever asks hears of a change at once. UDP, A and TXT. */
export class DnsSimulation {
  readonly #options: DnsOptions;
  readonly #socket: Socket = createSocket('udp4');

  private constructor(options: DnsOptions) {
    this.#options = options;
    this.#socket.on('message', (query, from) => void this.#answer(query, from)).on('error', () => {});
  }

  static async start(options: DnsOptions): Promise<DnsSimulation> {
    const dns = new DnsSimulation(options);
    dns.#socket.bind(options.listen.port, options.listen.address);
    await once(dns.#socket, 'listening');
    return dns;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }

  async #answer(query: Buffer, from: RemoteInfo): Promise<void> {
    const { name, type, end } = questionOf(query);
    const answers = this.#find(name, type);
    if (answers === undefined) return this.#forward(query, from);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // RFC 1035 §4.1.1: an answer, with authority, recursion available.
    const flags = 0x8580 | (answers === 'no such name' ? NAME_ERROR : 0);
    const found = answers === 'no such name' ? [] : answers;
    for (const [index, value] of [flags, 1, found.length].entries()) header.writeUInt16BE(value, 2 + 2 * index);
    // A pointer to the name in the question, the type, IN, no time to live.
    const records = found.map((data) => Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data]));
    this.#socket.send(Buffer.concat([header, query.subarray(12, end), ...records]), from.port, from.address);
  }

  /** Undefined where it is somebody else's name. */
  #find(name: string, type: number): Buffer[] | 'no such name' | undefined {
    const { zones, names, records, edge } = this.#options;
    if (names[name] !== undefined) return type === TYPES.A ? [address(names[name])] : [];
    const zone = zones.find((each) => name === each || name.endsWith(`.${each}`));
    if (zone === undefined) return undefined;
    const all = records(zone).filter((record) => record.name === name);
    if (all.length === 0) return 'no such name';
    if (type === TYPES.A && all.some(({ proxied }) => proxied)) return [address(edge)];
    const fitting = all.filter((record) => TYPES[record.type as keyof typeof TYPES] === type);
    return fitting.map(({ content }) => (type === TYPES.A ? address(content) : text(content)));
  }

  async #forward(query: Buffer, from: RemoteInfo): Promise<void> {
    const asking = createSocket('udp4');
    const timeout = setTimeout(() => asking.close(), 5000).unref();
    asking.on('error', () => {}).on('message', (answer) => {
      clearTimeout(timeout);
      asking.close();
      this.#socket.send(answer, from.port, from.address);
    });
    asking.send(query, 53, this.#options.upstream);
  }
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]!) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

const address = (content: string) => Buffer.from(content.split('.').map(Number));

/** One string, which the API may have in quotes. */
function text(content: string): Buffer {
  const bare = Buffer.from(content.replace(/^"(.*)"$/, '$1'));
  return Buffer.concat([Buffer.from([bare.length]), bare]);
}
