import type Cloudflare from 'cloudflare';
import type { RecordResponse } from 'cloudflare/resources/dns/records';
import { listed } from '../api.ts';
import { markOf } from '../mark.ts';

/** A record by which a public name leads somewhere. */
export interface WantedRecord {
  readonly type: 'A' | 'AAAA' | 'CNAME';
  readonly name: string;
  readonly content: string;
  readonly proxied: boolean;
}

/** What one stack wants of a zone's DNS. */
export interface WantedDns {
  readonly stack: string;
  readonly zone: string;
  /** Whether records of others at its names may be taken over. */
  readonly adoptDns: boolean;
  readonly records: readonly WantedRecord[];
}

export interface StoredRecord {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly content: string;
  readonly proxied: boolean;
  readonly ttl: number;
  readonly comment: string;
  /** When it was last changed, in milliseconds since 1970. */
  readonly modified: number;
}

/** What decides where a name leads. Others, such as TXT and CAA, may stand beside it. */
export const leads = ({ type }: StoredRecord): boolean => ['A', 'AAAA', 'CNAME'].includes(type);

export const isOf = (stack: string, { comment }: StoredRecord): boolean => comment === markOf(stack);

/** All records at these names, whoever made them. */
export async function recordsAt(api: Cloudflare, zone_id: string, names: readonly string[]): Promise<StoredRecord[]> {
  const found = await Promise.all(names.map((name) => listed(`reading the DNS records of ${name}`, api.dns.records.list({ zone_id, name: { exact: name } }))));
  return found.flat().map(stored);
}

/** A stack's records, whatever their names. */
export async function recordsOf(api: Cloudflare, zone_id: string, stack: string): Promise<StoredRecord[]> {
  const found = await listed(`reading the DNS records of the stack ${stack}`, api.dns.records.list({ zone_id, comment: { exact: markOf(stack) } }));
  // The filter does not tell upper case from lower case.
  return found.map(stored).filter((record) => isOf(stack, record));
}

const stored = ({ id, type, name, content, proxied, ttl, comment, modified_on }: RecordResponse): StoredRecord => ({ modified: Date.parse(modified_on), id, type, name, content: content ?? '', proxied: proxied ?? false, ttl, comment: comment ?? '' });

export const inWords = ({ type, name, content }: StoredRecord | WantedRecord): string => `${type} ${name} → ${content}`;
