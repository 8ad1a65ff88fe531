import { isIP, BlockList } from 'node:net';
import type { RecordResponse } from 'cloudflare/resources/dns/records';
import { type Answer, type Call, identifier, now, page, Refused, type Route, route } from './api.ts';
import { access } from './permissions.ts';
import type { Zones } from './zones.ts';

/** A record of the zone. The simulation knows the fields that all types share. */
export interface StoredRecord {
  id: string;
  name: string;
  type: string;
  content: string;
  proxied: boolean;
  proxiable: boolean;
  ttl: number;
  priority?: number;
  settings?: Record<string, unknown>;
  meta: object;
  comment: string | null;
  tags: string[];
  created_on: string;
  modified_on: string;
}

const PROXIABLE = ['A', 'AAAA', 'CNAME'];
const privateNetworks = new BlockList();
for (const [network, bits] of [['10.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.168.0.0', 16]] as const) privateNetworks.addSubnet(network, bits);

const { read, write } = access.dns;
const bad = (code: number, message: string) => new Refused(400, { code, message });
const sameName = 'For more details, refer to <https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/>.';

/** DNS records of zones. */
export class DnsRecords {
  readonly #records = new Map<string, StoredRecord[]>();
  readonly #zones: Zones;
  readonly routes: Route[];

  constructor(zones: Zones) {
    this.#zones = zones;
    const records = '/zones/:zone/dns_records';
    const record = `${records}/:record`;
    this.routes = [
      route(`GET ${records}`, read, (call) => this.#list(call)),
      route(`POST ${records}`, write, ({ at, body }) => ({ result: this.#put(at.zone!, body) })),
      route(`POST ${records}/batch`, write, (call) => this.#batch(call)),
      route(`GET ${record}`, read, ({ at }) => ({ result: this.#get(at.zone!, at.record) })),
      route(`PUT ${record}`, write, ({ at, body }) => ({ result: this.#put(at.zone!, body, this.#get(at.zone!, at.record)) })),
      route(`PATCH ${record}`, write, ({ at, body }) => ({ result: this.#patch(at.zone!, body, at.record) })),
      route(`DELETE ${record}`, write, ({ at }) => ({ result: { id: this.#delete(at.zone!, at.record).id } })),
    ];
  }

  /** The records of a zone, by its id. */
  in(zone: string): StoredRecord[] {
    return this.#records.get(zone) ?? [];
  }

  #get(zone: string, id: string | undefined): StoredRecord {
    const record = this.in(zone).find((one) => one.id === id);
    if (!record) throw new Refused(404, { code: 81044, message: 'Record does not exist.' });
    return record;
  }

  #list({ at, query }: Call): Answer {
    const filters = [...query].filter(([key]) => /^(name|content|comment|type|proxied)(\.|$)/.test(key));
    const matches = (record: StoredRecord, [key, value]: [string, string]) => {
      const [field, how = 'exact'] = key.split('.') as [keyof StoredRecord, string?];
      const has = String(record[field] ?? '').toLowerCase();
      const wanted = value.toLowerCase();
      return how === 'exact' ? has === wanted : how === 'contains' ? has.includes(wanted) : how === 'startswith' ? has.startsWith(wanted) : has.endsWith(wanted);
    };
    const any = query.get('match') === 'any';
    const wanted = this.in(at.zone!).filter((record) => (any ? filters.some((filter) => matches(record, filter)) : filters.every((filter) => matches(record, filter))));
    return page(wanted, query, 100);
  }

  /** Creates a record, or overwrites `old`: what is not said takes its default. */
  #put(zone: string, body: Record<string, unknown>, old?: StoredRecord): RecordResponse {
    const type = String(body.type ?? '').toUpperCase();
    if (!type) throw bad(1004, 'DNS Validation Error: type is required');
    // API deprecations, "DNS Record Type Updates via API": not since June 30, 2026. Code and words are not published.
    if (old && old.type !== type) throw bad(9000, 'DNS record type cannot be changed.');
    const content = String(body.content ?? '');
    const proxied = body.proxied === true;
    const { flatten_cname = false, ...settings } = (body.settings ?? {}) as Record<string, unknown>;
    const record: StoredRecord = {
      id: old?.id ?? identifier(),
      name: this.#fullName(zone, String(body.name ?? '')),
      type,
      content,
      proxiable: PROXIABLE.includes(type) && !(isIP(content) === 4 && privateNetworks.check(content)),
      proxied,
      // The edge decides for how long answers that hide the origin are kept.
      ttl: proxied ? 1 : Number(body.ttl ?? 1),
      ...(body.priority !== undefined && { priority: Number(body.priority) }),
      // A CNAME that is not proxied is answered without settings.
      ...((type !== 'CNAME' || proxied) && { settings: type === 'CNAME' ? { flatten_cname, ...settings } : settings }),
      meta: {},
      comment: (body.comment as string | undefined) || null,
      tags: (body.tags as string[] | undefined) ?? [],
      created_on: old?.created_on ?? now(),
      modified_on: now(),
    };
    this.#check(record);
    const others = this.in(zone).filter(({ id }) => id !== record.id);
    this.#checkConflicts(record, others.filter(({ name }) => name === record.name));
    this.#records.set(zone, [...others, record]);
    return record as unknown as RecordResponse;
  }

  #patch(zone: string, body: Record<string, unknown>, id: string | undefined): RecordResponse {
    const old = this.#get(zone, id);
    return this.#put(zone, { ...old, ...body }, old);
  }

  #delete(zone: string, id: string | undefined): StoredRecord {
    const record = this.#get(zone, id);
    this.#records.set(zone, this.in(zone).filter((one) => one !== record));
    return record;
  }

  /** In this order, whatever the body's, and all or nothing (API reference, "Batch DNS Records"). */
  #batch({ at, body }: Call): Answer {
    const zone = at.zone!;
    const before = this.in(zone);
    const each = <T>(key: string, act: (one: Record<string, unknown> & { id?: string }) => T) => ((body[key] ?? []) as Record<string, unknown>[]).map(act);
    try {
      const deletes = each('deletes', ({ id }) => this.#delete(zone, id));
      const patches = each('patches', (one) => this.#patch(zone, one, one.id));
      const puts = each('puts', (one) => this.#put(zone, one, this.#get(zone, one.id)));
      const posts = each('posts', (one) => this.#put(zone, one));
      return { result: { deletes, patches, puts, posts } };
    } catch (error) {
      this.#records.set(zone, before);
      throw error;
    }
  }

  /** A name outside the zone is taken as one below it; `@` is the zone itself. */
  #fullName(zone: string, name: string): string {
    const apex = this.#zones.get(zone).name;
    const wanted = name.toLowerCase().replace(/\.$/, '');
    if (wanted === '') throw bad(9000, 'DNS name is invalid.');
    return wanted === '@' || wanted === apex || wanted.endsWith(`.${apex}`) ? wanted.replace(/^@$/, apex) : `${wanted}.${apex}`;
  }

  #check({ type, content, ttl, proxied, proxiable }: StoredRecord): void {
    if (type === 'A' && isIP(content) !== 4) throw bad(9005, 'Content for A record must be a valid IPv4 address.');
    if (type === 'AAAA' && isIP(content) !== 6) throw bad(9006, 'Content for AAAA record must be a valid IPv6 address.');
    if (type === 'CNAME' && (isIP(content) !== 0 || !/^[\w*-]+(\.[\w-]+)*\.?$/.test(content))) throw bad(9007, 'Content for CNAME record is invalid.');
    if (proxied && !PROXIABLE.includes(type)) throw bad(9004, 'This record type cannot be proxied.');
    if (proxied && !proxiable) throw bad(9003, `Target ${content} is not allowed for a proxied record.`);
    if (ttl !== 1 && (ttl < 60 || ttl > 86_400)) throw bad(9021, 'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.');
  }

  /** RFC 1034 §3.6.2: beside a CNAME there is nothing else; Cloudflare holds this for addresses. */
  #checkConflicts(record: StoredRecord, sameHost: StoredRecord[]): void {
    const types = sameHost.map(({ type }) => type);
    if (record.type === 'CNAME' && types.some((type) => PROXIABLE.includes(type))) throw bad(81053, `An A, AAAA, or CNAME record with that host already exists. ${sameName}`);
    if (PROXIABLE.includes(record.type) && types.includes('CNAME')) throw bad(81054, `A CNAME record with that host already exists. ${sameName}`);
    const same = sameHost.find(({ type, content }) => type === record.type && content === record.content);
    if (!same) return;
    throw same.proxied === record.proxied && same.ttl === record.ttl ? bad(81058, 'An identical record already exists.') : bad(81057, 'Record already exists.');
  }
}
