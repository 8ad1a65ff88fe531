import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { type Answer, Refused, type Route } from './api.ts';
import { BotManagement, type BotSettings } from './bot-management.ts';
import { DnsRecords, type StoredRecord } from './dns-records.ts';
import { Faults } from './faults.ts';
import { type Permission, Tokens } from './permissions.ts';
import { type Rule, Rulesets } from './rulesets.ts';
import { type Configuration, type TunnelEvents, Tunnels } from './tunnels.ts';
import { type Plan, type SimulatedZone, Zones } from './zones.ts';

const BASE = '/client/v4';

/** A call in the journal: never with its token. */
export interface JournalEntry {
  method: string;
  /** Below the base, with the query. */
  path: string;
  status: number | 'cut';
}

/**
 * A simulation of Cloudflare's API, version 4, with one account. It keeps state, does what the published reference and public
 * threads say, and is not Cloudflare.
 */
export class CloudflareSimulation {
  /** Every call so far, in the order in which they were answered. */
  readonly calls: JournalEntry[] = [];
  readonly faults = new Faults();
  /** What an edge hears of: configurations, connections that were cleaned up, tunnels that were deleted. */
  readonly events = new EventEmitter<TunnelEvents>();
  readonly #tokens = new Tokens();
  readonly #zones = new Zones(this.#tokens);
  readonly #tunnels = new Tunnels(this.#zones.account.id, this.events);
  readonly #records = new DnsRecords(this.#zones);
  readonly #rulesets = new Rulesets(this.#zones);
  readonly #bots = new BotManagement(this.#zones);
  readonly #routes: Route[] = [this.#zones, this.#tunnels, this.#records, this.#rulesets, this.#bots].flatMap(({ routes }) => routes);
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start({ zones = ['example.test'], plan = 'free' }: { zones?: string[]; plan?: Plan } = {}): Promise<CloudflareSimulation> {
    const simulation = new CloudflareSimulation();
    for (const name of zones) simulation.#zones.add(name, plan);
    simulation.#server.listen(0, '127.0.0.1');
    await once(simulation.#server, 'listening');
    return simulation;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** The base of the API, as clients and the provider take it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${BASE}`;
  }

  get accountId(): string {
    return this.#zones.account.id;
  }

  /** Names of the zones. */
  get zones(): readonly string[] {
    return this.#zones.ids.map((id) => this.#zones.get(id).name);
  }

  /** A zone as it may be elsewhere: not active, paused, of another type or account. */
  changeZone(name: string, changes: Partial<SimulatedZone>): void {
    this.#zones.change(name, changes);
  }

  zoneId(name: string): string {
    return this.#zones.named(name).id;
  }

  /** A token with these permissions, on the account and all zones, or on these; `owner` is who may verify it where. */
  tokenWith(permissions: readonly Permission[], { zones, owner = 'user' }: { zones?: string[]; owner?: 'user' | 'account' } = {}): string {
    return this.#tokens.issue(permissions, zones?.map((name) => this.zoneId(name)) ?? this.#zones.ids, owner === 'account' ? this.accountId : undefined);
  }

  revoke(token: string): void {
    this.#tokens.revoke(token);
  }

  /** The tunnel that a connector's token is of. */
  tunnelOf(token: string): string | undefined {
    return this.#tunnels.ofToken(token);
  }

  /** A connector registers its connections. */
  connect(tunnelId: string, connectorId: string): Configuration {
    this.#tunnels.connect(tunnelId, connectorId);
    return this.#tunnels.configuration(tunnelId);
  }

  disconnect(tunnelId: string, connectorId: string): void {
    this.#tunnels.disconnect(tunnelId, connectorId);
  }

  records(zone: string): readonly StoredRecord[] {
    return this.#records.in(this.zoneId(zone));
  }

  /** The rules that a phase of the zone applies, in their order. */
  rules(zone: string, phase: string): readonly Rule[] {
    return this.#rulesets.entrypoint(this.zoneId(zone), phase)?.rules ?? [];
  }

  bots(zone: string): BotSettings {
    return this.#bots.in(this.zoneId(zone));
  }

  settings(zone: string): Readonly<Record<string, unknown>> {
    return this.#zones.settings(this.zoneId(zone));
  }

  /** All that is there beyond new zones, in words. */
  leftovers(): string[] {
    const inZone = (id: string) => {
      const { name } = this.#zones.get(id);
      const defaults = this.#bots.defaults(id);
      return [
        ...this.#records.in(id).map((record) => `record ${record.type} ${record.name}`),
        ...this.#rulesets.in(id).map(({ phase }) => `ruleset ${phase} of ${name}`),
        ...this.#rulesets.in(id).flatMap(({ phase, rules }) => rules.map(({ description, id }) => `rule ${description ?? id} in ${phase} of ${name}`)),
        ...Object.entries(this.#bots.in(id)).filter(([key, value]) => !isDeepStrictEqual(value, defaults[key as keyof BotSettings])).map(([key, value]) => `bot setting ${key} of ${name}: ${value}`),
      ];
    };
    return [...this.#tunnels.standing.map(({ name }) => `tunnel ${name}`), ...this.#zones.ids.flatMap(inZone)];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://simulation');
    const below = url.pathname.startsWith(`${BASE}/`) ? url.pathname.slice(BASE.length) : undefined;
    const entry: JournalEntry = { method: request.method!, path: (below ?? url.pathname) + url.search, status: 'cut' };
    const body = (await json(request).catch(() => ({}))) as Record<string, unknown>;
    this.calls.push(entry);
    const fault = this.faults.take(`${request.method} ${below}`);
    if (fault && 'cut' in fault && fault.cut === 'before') return void request.socket.destroy();
    const { status = 200, ...answer } = fault && 'status' in fault ? failure(fault.status) : this.#handled(request, url, below, body);
    if (fault && 'cut' in fault) return void request.socket.destroy();
    entry.status = status;
    if (fault && 'retryAfter' in fault) response.setHeader('retry-after', fault.retryAfter);
    if (status === 204) return void response.writeHead(204).end();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ success: status < 400, errors: [], messages: [], result: null, ...answer }));
  }

  #handled(request: IncomingMessage, url: URL, below: string | undefined, body: Record<string, unknown>): Answer & { errors?: object[] } {
    try {
      const token = this.#tokens.caller(request.headers.authorization);
      const route = this.#routes.find(({ method, path }) => method === request.method && path.test(below ?? ''));
      if (!route) throw new Refused(400, { code: 7000, message: 'No route for that URI' });
      const at = { ...route.path.exec(below!)!.groups };
      const malformed = [at.account, at.zone].some((id) => id !== undefined && !/^[0-9a-f]{32}$/.test(id));
      if (malformed) throw new Refused(404, { code: 7003, message: `Could not route to ${url.pathname}, perhaps your object identifier is invalid?` });
      const call = { at, query: url.searchParams, body, token };
      this.#tokens.authorize(call, route.access, [this.accountId]);
      return route.handle(call);
    } catch (error) {
      if (error instanceof Refused) return { status: error.status, errors: error.errors };
      throw error;
    }
  }
}

/** What Cloudflare answers when it is not the call's fault. */
function failure(status: number): Answer & { errors: object[] } {
  return { status, errors: [status === 429 ? { code: 971, message: 'Please wait and consider throttling your request speed' } : { code: 10001, message: 'Internal error' }] };
}
