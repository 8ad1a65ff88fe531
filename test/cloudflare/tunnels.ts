import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { CloudflareTunnel } from 'cloudflare/resources/shared';
import type { ConfigurationGetResponse } from 'cloudflare/resources/zero-trust/tunnels/cloudflared/configurations';
import type { Client } from 'cloudflare/resources/zero-trust/tunnels/cloudflared/connections';
import { type Answer, type Call, now, page, Refused, type Route, route } from './api.ts';
import { access } from './permissions.ts';

export type Configuration = Required<Pick<ConfigurationGetResponse, 'version'>> & ConfigurationGetResponse;

/** What an edge hears of. */
export interface TunnelEvents {
  configuration: [tunnelId: string, configuration: Configuration];
  /** Connections that someone cleaned up; the connector itself may run on, and connects again. */
  cleanup: [tunnelId: string, connectorIds: string[]];
  deleted: [tunnelId: string];
}

interface Stored {
  tunnel: CloudflareTunnel & { id: string; name: string };
  secret: string;
  connectors: Map<string, Client>;
  configuration: Configuration;
}

const { read, write } = access.tunnels;
/** The status is Cloudflare's; the code is in no public thread. */
const notFound = new Refused(404, { code: 1003, message: 'Tunnel not found' });

/** Tunnels of the account: their configurations, tokens and connections. */
export class Tunnels {
  readonly #tunnels = new Map<string, Stored>();
  readonly #account: string;
  readonly #events: EventEmitter<TunnelEvents>;
  readonly routes: Route[];

  constructor(account: string, events: EventEmitter<TunnelEvents>) {
    this.#account = account;
    this.#events = events;
    const tunnels = '/accounts/:account/cfd_tunnel';
    const tunnel = `${tunnels}/:tunnel`;
    this.routes = [
      route(`POST ${tunnels}`, write, (call) => this.#create(call)),
      route(`GET ${tunnels}`, read, (call) => this.#list(call)),
      // A deleted tunnel is still answered, and says when it was deleted.
      route(`GET ${tunnel}`, read, ({ at }) => ({ result: this.#described(this.#known(at.tunnel!)) })),
      route(`PATCH ${tunnel}`, write, (call) => this.#edit(call)),
      route(`DELETE ${tunnel}`, write, ({ at }) => this.#delete(this.#standing(at.tunnel!))),
      route(`GET ${tunnel}/token`, write, ({ at }) => ({ result: this.token(at.tunnel!) })),
      route(`GET ${tunnel}/configurations`, read, ({ at }) => ({ result: this.#standing(at.tunnel!).configuration })),
      route(`PUT ${tunnel}/configurations`, write, (call) => this.#configure(call)),
      route(`GET ${tunnel}/connections`, read, ({ at }) => ({ result: [...this.#standing(at.tunnel!).connectors.values()] })),
      route(`DELETE ${tunnel}/connections`, write, (call) => this.#cleanUp(call)),
    ];
  }

  /** The tunnels that were not deleted. */
  get standing(): CloudflareTunnel[] {
    return [...this.#tunnels.values()].filter(({ tunnel }) => !tunnel.deleted_at).map((stored) => this.#described(stored));
  }

  /** What `cloudflared tunnel run --token` takes. */
  token(id: string): string {
    return Buffer.from(JSON.stringify({ a: this.#account, t: id, s: this.#standing(id).secret })).toString('base64');
  }

  /** The tunnel that a token is of; none if it was not issued, or the tunnel is gone. */
  ofToken(token: string): string | undefined {
    return this.standing.map(({ id }) => id!).find((id) => this.token(id) === token);
  }

  configuration(id: string): Configuration {
    return this.#standing(id).configuration;
  }

  /** A connector keeps four connections, to two of Cloudflare's data centers. */
  connect(id: string, connectorId: string): void {
    const { connectors, tunnel, configuration } = this.#standing(id);
    const opened = now();
    const connection = (colo: string) => {
      const uuid = crypto.randomUUID();
      return { id: uuid, uuid, client_id: connectorId, client_version: '2026.10.0', colo_name: colo, is_pending_reconnect: false, opened_at: opened, origin_ip: '192.0.2.1' };
    };
    connectors.set(connectorId, { id: connectorId, arch: 'linux_amd64', version: '2026.10.0', features: [], run_at: opened, config_version: configuration.version, conns: ['ams01', 'ams07', 'fra03', 'fra08'].map(connection) });
    tunnel.conns_active_at ??= opened;
    tunnel.conns_inactive_at = undefined;
  }

  disconnect(id: string, connectorId: string): void {
    const { connectors, tunnel } = this.#known(id);
    connectors.delete(connectorId);
    if (connectors.size > 0) return;
    tunnel.conns_active_at = undefined;
    tunnel.conns_inactive_at = now();
  }

  #known(id: string): Stored {
    const stored = this.#tunnels.get(id);
    if (!stored) throw notFound;
    return stored;
  }

  #standing(id: string): Stored {
    const stored = this.#known(id);
    if (stored.tunnel.deleted_at) throw notFound;
    return stored;
  }

  #described({ tunnel, connectors }: Stored): CloudflareTunnel {
    const status = connectors.size > 0 ? 'healthy' : tunnel.conns_inactive_at ? 'down' : 'inactive';
    // Absent times are null on the wire, which the SDK's types leave out.
    const times = { conns_active_at: null, conns_inactive_at: null, deleted_at: null } as object;
    return { ...times, ...tunnel, status, connections: [...connectors.values()].flatMap(({ conns }) => conns ?? []) };
  }

  #unused(name: unknown): string {
    if (typeof name !== 'string' || name === '') throw new Refused(400, { code: 1002, message: 'The tunnel needs a name' });
    if (this.standing.some((tunnel) => tunnel.name === name)) throw new Refused(409, { code: 1013, message: 'You already have a tunnel with this name. Delete the existing tunnel, or choose a different name for your new tunnel' });
    return name;
  }

  #create({ body }: Call): Answer {
    const name = this.#unused(body.name);
    const id = crypto.randomUUID();
    const remote = body.config_src === 'cloudflare';
    const stored: Stored = {
      tunnel: { id, name, account_tag: this.#account, config_src: remote ? 'cloudflare' : 'local', remote_config: remote, tun_type: 'cfd_tunnel', metadata: {}, created_at: now() },
      secret: typeof body.tunnel_secret === 'string' ? body.tunnel_secret : randomBytes(32).toString('base64'),
      connectors: new Map(),
      configuration: { account_id: this.#account, tunnel_id: id, version: 0, config: null!, source: remote ? 'cloudflare' : 'local', created_at: now() },
    };
    this.#tunnels.set(id, stored);
    return { result: this.#described(stored) };
  }

  #list({ query }: Call): Answer {
    const is = (key: string, value: string | undefined) => !query.has(key) || query.get(key) === value;
    const wanted = [...this.#tunnels.values()]
      .map((stored) => this.#described(stored))
      .filter((tunnel) => is('name', tunnel.name) && is('uuid', tunnel.id) && is('status', tunnel.status) && is('is_deleted', String(Boolean(tunnel.deleted_at))))
      .filter(({ name }) => name!.startsWith(query.get('include_prefix') ?? '') && !(query.has('exclude_prefix') && name!.startsWith(query.get('exclude_prefix')!)));
    return page(wanted, query, 20);
  }

  #edit({ at, body }: Call): Answer {
    const stored = this.#standing(at.tunnel!);
    if (body.name !== undefined && body.name !== stored.tunnel.name) stored.tunnel.name = this.#unused(body.name);
    if (typeof body.tunnel_secret === 'string') stored.secret = body.tunnel_secret;
    return { result: this.#described(stored) };
  }

  #delete(stored: Stored): Answer {
    // pulumi-cloudflare#1440, terraform-provider-cloudflare#5255.
    if (stored.connectors.size > 0) throw new Refused(400, { code: 1022, message: 'Cannot delete tunnel because it has active connections' });
    stored.tunnel.deleted_at = now();
    this.#events.emit('deleted', stored.tunnel.id);
    return { result: this.#described(stored) };
  }

  #configure({ at, body }: Call): Answer {
    const stored = this.#standing(at.tunnel!);
    const config = body.config as Configuration['config'];
    const ingress = config?.ingress ?? [];
    // cloudflared's own rules for ingress, which the API checks before connectors get them (terraform-provider-cloudflare#2327).
    const catchesAll = ({ hostname, path }: { hostname?: string; path?: string }) => !path && (!hostname || hostname === '*');
    const bad = (message: string) => new Refused(400, { code: 1056, message: `Bad Configuration: ${message}` });
    if (ingress.length > 0 && !catchesAll(ingress.at(-1)!)) throw bad('Validation failed: The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)');
    const early = ingress.slice(0, -1).findIndex(catchesAll);
    if (early !== -1) throw bad(`Rule #${early + 1} is matching the hostname '${ingress[early]!.hostname ?? ''}', but this will match every hostname, meaning the rules which follow it will never be triggered.`);
    stored.configuration = { ...stored.configuration, version: stored.configuration.version + 1, config, created_at: now() };
    this.#events.emit('configuration', stored.tunnel.id, stored.configuration);
    return { result: stored.configuration };
  }

  #cleanUp({ at, query }: Call): Answer {
    const { connectors } = this.#standing(at.tunnel!);
    const cleaned = [...connectors.keys()].filter((id) => !query.has('client_id') || query.get('client_id') === id);
    for (const id of cleaned) this.disconnect(at.tunnel!, id);
    this.#events.emit('cleanup', at.tunnel!, cleaned);
    return { result: null };
  }
}
