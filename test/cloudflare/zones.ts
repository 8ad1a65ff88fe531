import type { Account } from 'cloudflare/resources/accounts/accounts';
import type { CertificatePackListResponse } from 'cloudflare/resources/ssl/certificate-packs/certificate-packs';
import type { TokenVerifyResponse } from 'cloudflare/resources/user/tokens/tokens';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { type Call, identifier, now, page, Refused, type Route, route } from './api.ts';
import { access, type Tokens } from './permissions.ts';

export type Plan = 'free' | 'pro' | 'business' | 'enterprise';

/** A zone, and what of it is only looked at. */
export interface SimulatedZone extends Zone {
  plan: Zone.Plan & { legacy_id: Plan };
}

const DEFAULT_SETTINGS = { always_use_https: 'off', browser_check: 'on', security_level: 'medium', ssl: 'full', websockets: 'on' };

/** Accounts, zones with their settings and certificates, and the check of tokens. */
export class Zones {
  readonly account: Account = { id: identifier(), name: 'Simulated account', type: 'standard', created_on: now() };
  readonly #zones = new Map<string, SimulatedZone>();
  readonly #settings = new Map<string, Record<string, unknown>>();
  readonly #tokens: Tokens;
  readonly routes: Route[];

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
    this.routes = [
      route('GET /user/tokens/verify', access.verify, ({ token }) => this.#verify(token, undefined)),
      route('GET /accounts/:account/tokens/verify', access.verify, ({ token, at }) => this.#verify(token, at.account)),
      route('GET /accounts/:account', access.account, () => ({ result: this.account })),
      route('GET /zones', access.zones, (call) => this.#list(call)),
      route('GET /zones/:zone', access.zone, ({ at }) => ({ result: this.get(at.zone!) })),
      route('GET /zones/:zone/settings/:setting', access.settings.read, ({ at }) => ({ result: this.#setting(at.zone!, at.setting!) })),
      route('PATCH /zones/:zone/settings/:setting', access.settings.write, ({ at, body }) => {
        this.#setting(at.zone!, at.setting!);
        this.settings(at.zone!)[at.setting!] = body.value;
        return { result: this.#setting(at.zone!, at.setting!) };
      }),
      route('GET /zones/:zone/ssl/certificate_packs', access.certificates, ({ at, query }) => page([this.#universal(this.get(at.zone!))], query, 20)),
    ];
  }

  add(name: string, plan: Plan): void {
    const created = now();
    const id = identifier();
    this.#settings.set(id, { ...DEFAULT_SETTINGS });
    this.#zones.set(id, {
      id,
      name,
      status: 'active',
      paused: false,
      type: 'full',
      development_mode: 0,
      name_servers: ['ada.ns.cloudflare.com', 'bob.ns.cloudflare.com'],
      original_name_servers: null,
      original_registrar: null,
      original_dnshost: null,
      created_on: created,
      modified_on: created,
      activated_on: created,
      meta: { step: 2, custom_certificate_quota: 0, page_rule_quota: 3, phishing_detected: false },
      owner: { id: null!, type: 'user', name: null! },
      account: { id: this.account.id, name: this.account.name },
      plan: { id: identifier(), name: `${plan} plan`, legacy_id: plan, price: 0, currency: 'USD', is_subscribed: plan !== 'free', can_subscribe: false },
    });
  }

  get ids(): string[] {
    return [...this.#zones.keys()];
  }

  get(id: string): SimulatedZone {
    return this.#zones.get(id)!;
  }

  named(name: string): SimulatedZone {
    const zone = [...this.#zones.values()].find((one) => one.name === name);
    if (!zone) throw new Error(`The simulation has no zone ${name}.`);
    return zone;
  }

  /** A zone as it may be elsewhere: not active, paused, of another type or account. */
  change(name: string, changes: Partial<SimulatedZone>): void {
    Object.assign(this.named(name), changes);
  }

  settings(zone: string): Record<string, unknown> {
    return this.#settings.get(zone)!;
  }

  #verify(token: string, account: string | undefined) {
    const grant = this.#tokens.of(token);
    // Each kind of token is verified at its own address only.
    if (grant.account !== account) throw access.verify.denied;
    const result: TokenVerifyResponse = { id: grant.id, status: 'active' };
    return { result, messages: [{ code: 10000, message: 'This API Token is valid and active' }] };
  }

  #list({ token, query }: Call) {
    const { permissions, zones } = this.#tokens.of(token);
    const seen = [...this.#zones.values()].filter(({ id }) => permissions.has('Zone Read') && zones.has(id));
    const is = (key: string, value: string | undefined) => !query.has(key) || query.get(key) === value;
    return page(seen.filter(({ name, status, account }) => is('name', name) && is('status', status) && is('account.id', account.id)), query, 20);
  }

  #setting(zone: string, id: string) {
    const value = this.settings(zone)[id];
    if (value === undefined) throw new Refused(400, { code: 1006, message: 'Undefined zone setting' });
    return { id, value, editable: true, modified_on: null };
  }

  /** The universal certificate covers the zone and one label under it (SSL/TLS, "Universal SSL: Limitations"). */
  #universal({ id, name }: Zone): CertificatePackListResponse {
    return { id, type: 'universal', hosts: [name, `*.${name}`], status: 'active', certificates: [], certificate_authority: 'google', validity_days: 90, validation_method: 'txt' };
  }
}
