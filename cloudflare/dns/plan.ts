import { isIP } from 'node:net';
import { markOf } from '../mark.ts';
import { isOf, leads, type StoredRecord, type WantedDns, type WantedRecord } from './records.ts';

/**
 * Seconds for which resolvers keep the address of a host: a change of tiers is over so much later. Shorter is not to be had (Cloudflare,
 * "Time to Live"). 1 is "automatic", and all there is for a proxied record: the addresses in its answers are Cloudflare's and stay.
 */
const ttlOf = ({ proxied }: WantedRecord): number => (proxied ? 1 : 60);

interface Post extends WantedRecord {
  readonly ttl: number;
  readonly comment: string;
}

/** One call of `dns_records/batch`: all of it happens, or nothing. */
export interface Batch {
  readonly deletes: readonly { id: string }[];
  readonly patches: readonly (Post & { id: string })[];
  readonly posts: readonly Post[];
}

/**
 * What brings the names to the records that are wanted. No record changes its type: since June 2026 the API takes that for a deletion
 * and a creation only (Cloudflare, "API deprecations": DNS record type updates).
 * @param existing all records at the names, and all of the stack
 */
export function planBatch({ stack, records }: WantedDns, existing: readonly StoredRecord[]): Batch {
  const comment = markOf(stack);
  const posts = records.map((record) => ({ ...record, ttl: ttlOf(record), comment }));
  const standing = posts.map((post) => existing.find((record) => record.type === post.type && same(record.name, post.name) && same(record.content, post.content)));
  const isAtOurNames = ({ name }: StoredRecord) => records.some((record) => same(record.name, name));
  return {
    deletes: existing.filter((record) => !standing.includes(record) && (isOf(stack, record) || (leads(record) && isAtOurNames(record)))).map(({ id }) => ({ id })),
    patches: posts.flatMap((post, index) => {
      const record = standing[index];
      return record && (record.proxied !== post.proxied || record.ttl !== post.ttl || record.comment !== comment) ? [{ ...post, id: record.id }] : [];
    }),
    posts: posts.filter((_, index) => !standing[index]),
  };
}

/** How long resolvers keep what Cloudflare answers for a record whose TTL is automatic, in seconds (Cloudflare, "Time to Live"). */
const AUTOMATIC = 300;

/**
 * For how many seconds a resolver may go on leading to where names led before a batch. A record that is taken over may have led to the
 * stack's own host, or elsewhere: as if it were one of the stack's, whose lifetimes are short.
 */
export function secondsKept({ deletes, posts }: Batch, existing: readonly StoredRecord[]): number {
  const left = existing.filter((record) => leads(record) && deletes.some(({ id }) => id === record.id) && posts.some(({ name }) => same(name, record.name)));
  return Math.max(0, ...left.map(({ ttl }) => (ttl === 1 ? AUTOMATIC : Math.min(ttl, AUTOMATIC))));
}

/** The same of records that a run has changed that did not come to its end. @param now in milliseconds since 1970 */
export function secondsLeft({ records }: WantedDns, existing: readonly StoredRecord[], now = Date.now()): number {
  const changed = existing.filter((record) => records.some(({ type, name }) => type === record.type && same(name, record.name)));
  return Math.max(0, ...changed.map(({ modified }) => Math.min(AUTOMATIC, Math.ceil(AUTOMATIC - (now - modified) / 1000))));
}

/** What others made at the names. */
export const foreignOf = (stack: string, names: readonly string[], existing: readonly StoredRecord[]): StoredRecord[] =>
  existing.filter((record) => leads(record) && !isOf(stack, record) && names.some((name) => same(record.name, name)));

/** Whether two names or addresses are one, however they are written. */
function same(one: string, other: string): boolean {
  const canonical = (text: string) => (isIP(text) === 6 ? new URL(`http://[${text}]`).hostname : text.toLowerCase().replace(/\.$/, ''));
  return canonical(one) === canonical(other);
}
