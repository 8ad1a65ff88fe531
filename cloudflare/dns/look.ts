import type Cloudflare from 'cloudflare';
import { zoneSeen } from '../zone.ts';
import { planBatch } from './plan.ts';
import { inWords, recordsAt, recordsOf, type StoredRecord, type WantedDns, type WantedRecord } from './records.ts';

/** A public name that does not lead where it should. */
export interface RecordDifference {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
}

/** What `applyDns` would change, name by name. Changes nothing. */
export async function recordDifferences(api: Cloudflare, wanted: WantedDns): Promise<RecordDifference[]> {
  const { id } = await zoneSeen(api, wanted.zone);
  const names = [...new Set(wanted.records.map(({ name }) => name))];
  const [atNames, own] = [await recordsAt(api, id, names), await recordsOf(api, id, wanted.stack)];
  const existing = [...atNames, ...own.filter((record) => !atNames.some((other) => other.id === record.id))];
  const { deletes, patches, posts } = planBatch(wanted, existing);
  const changed = (record: StoredRecord) => [...deletes, ...patches].some((each) => each.id === record.id);
  const touched = [...new Set([...existing.filter(changed), ...posts].map(({ name }) => name))];
  return touched.map((name) => ({
    name,
    expected: said([...posts, ...patches].filter((record) => record.name === name)),
    found: said(existing.filter((record) => record.name === name && changed(record))),
  }));
}

const said = (records: readonly (WantedRecord & { readonly ttl: number; readonly comment: string } | StoredRecord)[]): string =>
  records.map((record) => `${inWords(record)} (${record.proxied ? 'proxied' : `not proxied, TTL ${record.ttl}`}${record.comment ? `, “${record.comment}”` : ''})`).join(', ') || 'no record';
