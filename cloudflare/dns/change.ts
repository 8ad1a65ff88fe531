import { setTimeout as sleep } from 'node:timers/promises';
import type Cloudflare from 'cloudflare';
import type { RecordBatchParams } from 'cloudflare/resources/dns/records';
import { asked, CloudflareError } from '../api.ts';
import { zoneSeen } from '../zone.ts';
import { type Batch, foreignOf, planBatch, secondsKept, secondsLeft } from './plan.ts';
import { inWords, recordsAt, recordsOf, type StoredRecord, type WantedDns } from './records.ts';

/**
 * Brings a stack's public names to the records that are wanted, by one call that takes effect as a whole or not at all. What they led to
 * before serves on until this ends: that is, until no resolver leads there any more.
 * @param earlier what the last run returned that came to its end
 * @param forgotten waits for that, in seconds
 */
export async function applyDns(api: Cloudflare, wanted: WantedDns, earlier = '', forgotten = waitFor): Promise<string> {
  const { stack, zone, adoptDns, records } = wanted;
  const { id: zone_id } = await zoneSeen(api, zone);
  const names = [...new Set(records.map(({ name }) => name))];
  const [atNames, own] = [await recordsAt(api, zone_id, names), await recordsOf(api, zone_id, stack)];
  const existing = [...atNames, ...own.filter(({ id }) => !atNames.some((record) => record.id === id))];
  const foreign = foreignOf(stack, names, existing);
  if (foreign.length > 0 && !adoptDns) throw new CloudflareError(['DNS was not changed:', ...foreign.map((record) => `  - ${notOurs(record)}`)].join('\n'));
  const batch = planBatch(wanted, existing);
  await send(api, zone_id, zone, batch);
  const done = `DNS: ${records.map(inWords).join(', ')}.`;
  // A run that was cut off may have changed them, and not waited to the end.
  const cutOff = earlier !== '' && !earlier.startsWith(done);
  const seconds = Math.max(secondsKept(batch, existing), cutOff ? secondsLeft(wanted, existing) : 0);
  if (seconds > 0) await forgotten(seconds);
  return `${done}${foreign.map((record) => ` Taken over: ${inWords(record)}.`).join('')}`;
}

/** Removes a stack's records. */
export async function removeDns(api: Cloudflare, { stack, zone }: Pick<WantedDns, 'stack' | 'zone'>): Promise<string> {
  const { id: zone_id } = await zoneSeen(api, zone);
  const own = await recordsOf(api, zone_id, stack);
  await send(api, zone_id, zone, { deletes: own.map(({ id }) => ({ id })), patches: [], posts: [] });
  return `DNS: ${own.length === 0 ? 'nothing of the stack was left' : `removed ${own.map(inWords).join(', ')}`}`;
}

/** A record in the way, and what to do about it. */
export const notOurs = (record: StoredRecord): string =>
  `${inWords(record)} was made by ${record.comment.startsWith('drawbridge ') ? `the stack ${record.comment.slice('drawbridge '.length)}` : 'somebody else'}: delete it in Cloudflare’s dashboard (DNS → Records), or set adoptDns in drawbridge:cloudflare to true to have it replaced`;

async function send(api: Cloudflare, zone_id: string, zone: string, { deletes, patches, posts }: Batch): Promise<void> {
  if (deletes.length + patches.length + posts.length === 0) return;
  await asked(`changing the DNS records of ${zone}`, api.dns.records.batch({ zone_id, deletes, patches, posts } as RecordBatchParams));
}

/** `DRAWBRIDGE_DNS_WAIT` seconds at most: `0` for who is in a hurry. */
async function waitFor(seconds: number): Promise<void> {
  const most = Number(process.env.DRAWBRIDGE_DNS_WAIT || Infinity);
  const wait = most >= 0 ? Math.min(seconds, most) : seconds;
  console.log(`DNS is changed. Resolvers may know the former records for ${seconds} s more, and where these led serves on: waiting ${wait} s.`);
  await sleep(wait * 1000);
}
