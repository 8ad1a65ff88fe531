import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { ask } from '../relay/ask.ts';
import type { Backend } from '../relay/backend.ts';
import { LEGACY } from '../versions.ts';
import { begin, discover, gatewayInformation } from './handshake.ts';
import { type BackendHeaders, type Owner, type Session, SessionError, type Sessions } from './session.ts';

/** Sessions unused for this long are ended, at the backend too. In milliseconds. */
const IDLE_MILLISECONDS = 30 * 60_000;
const MAX_SESSIONS = 10_000;
/** Past it, an owner's oldest session goes. A client that says something new at each start would else keep them all. */
const MAX_PER_OWNER = 8;
const ERA_MILLISECONDS = 60_000;
/** As 24 random bytes are in base64url. */
const ID = /^[A-Za-z0-9_-]{32}$/;

interface Entry {
  session: Session;
  readonly params: Readonly<Record<string, unknown>>;
  readonly fingerprint: string;
  headers: BackendHeaders;
  /** How many `initialize` of clients it answered and no DELETE took back. */
  clients: number;
  renewing?: Promise<Session> | undefined;
}

/** Keeps the sessions of one process. Calls that want the same session at the same time wait for the same handshake. */
export class SessionRegistry implements Sessions {
  readonly #backends: ReadonlyMap<string, Backend>;
  readonly #entries: LRUCache<string, Entry>;
  /** Owner and purpose → ids, newest last. */
  readonly #owned = new Map<string, string[]>();
  readonly #pending = new Map<string, Promise<Entry>>();
  readonly #eras: LRUCache<string, Promise<boolean>>;
  /** Ids that clients must not use any more (2025-11-25, *Session Management*). */
  readonly #ended = new LRUCache<string, true>({ max: MAX_SESSIONS });

  constructor(backends: ReadonlyMap<string, Backend>) {
    this.#backends = backends;
    this.#eras = new LRUCache({ max: 1_000, ttl: ERA_MILLISECONDS });
    this.#entries = new LRUCache({
      max: MAX_SESSIONS,
      ttl: IDLE_MILLISECONDS,
      updateAgeOnGet: true,
      ttlAutopurge: false,
      dispose: (entry, id, reason) => {
        if (reason !== 'set') this.#forget(id, entry);
      },
    });
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Ends what was not used for long. To be called now and then. */
  sweep(): void {
    this.#entries.purgeStale();
  }

  async initialize(owner: Owner, params: Readonly<Record<string, unknown>>, headers: BackendHeaders): Promise<Session> {
    const entry = await this.#obtain(owner, 'client', params, headers);
    entry.clients += 1;
    return entry.session;
  }

  async current(owner: Owner, headers: BackendHeaders): Promise<Session> {
    const newest = this.#owned.get(keyOf(owner, 'client'))?.at(-1);
    const entry = newest === undefined ? undefined : this.#entries.get(newest);
    return (entry ?? (await this.#obtain(owner, 'client', generic, headers))).session;
  }

  async bridge(owner: Owner, headers: BackendHeaders): Promise<Session> {
    return (await this.#obtain(owner, 'bridge', generic, headers)).session;
  }

  async resume(id: string, owner: Owner, headers: BackendHeaders): Promise<Session | undefined> {
    const known = this.#entries.has(id) || this.#ended.has(id) || !ID.test(id);
    return known ? this.find(id, owner) : this.current(owner, headers);
  }

  async find(id: string, owner: Owner): Promise<Session | undefined> {
    return this.#entryOf(id, owner)?.session;
  }

  async renew(id: string, lost: string | undefined, headers: BackendHeaders): Promise<Session | undefined> {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.session.backendId !== lost) return entry?.session;
    const { owner } = entry.session;
    entry.renewing ??= begin(owner.server, this.#backendOf(owner), entry.params, headers)
      .then((begun) => (entry.session = { ...entry.session, ...begun }))
      .finally(() => (entry.renewing = undefined));
    return entry.renewing;
  }

  async end(id: string, owner: Owner): Promise<void> {
    const entry = this.#entryOf(id, owner);
    if (entry === undefined) return;
    entry.clients -= 1;
    // Another window of the same client may still be using it.
    if (entry.clients > 0) return;
    this.#entries.delete(id);
    this.#ended.set(id, true);
  }

  touch(ids: readonly string[]): void {
    for (const id of ids) this.#entries.get(id);
  }

  isModern(server: string, headers: BackendHeaders): Promise<boolean> {
    const known = this.#eras.get(server);
    if (known) return known;
    const asked = discover(server, this.#backends.get(server)!, headers).then((result) => result !== undefined);
    this.#eras.set(server, asked);
    // A backend that could not be asked is asked again by the next call.
    asked.catch(() => this.#eras.delete(server));
    return asked;
  }

  /** The owner's session that was begun with these words, made when there is none. */
  #obtain(owner: Owner, purpose: string, params: Readonly<Record<string, unknown>>, headers: BackendHeaders): Promise<Entry> {
    const key = keyOf(owner, purpose);
    const fingerprint = hash('sha256', JSON.stringify(params));
    const ids = this.#owned.get(key) ?? [];
    const id = ids.find((candidate) => this.#entries.peek(candidate)?.fingerprint === fingerprint);
    const entry = id === undefined ? undefined : this.#entries.get(id);
    if (entry) {
      this.#owned.set(key, [...ids.filter((other) => other !== id), id!]);
      return Promise.resolve(entry);
    }
    const wanted = `${key}\0${fingerprint}`;
    const pending = this.#pending.get(wanted) ?? this.#begin(owner, key, params, fingerprint, headers).finally(() => this.#pending.delete(wanted));
    this.#pending.set(wanted, pending);
    return pending;
  }

  async #begin(owner: Owner, key: string, params: Readonly<Record<string, unknown>>, fingerprint: string, headers: BackendHeaders): Promise<Entry> {
    const begun = await begin(owner.server, this.#backendOf(owner), params, headers);
    const id = randomBytes(24).toString('base64url');
    const entry: Entry = { session: { id, owner, ...begun }, params, fingerprint, headers, clients: 0 };
    this.#entries.set(id, entry);
    const ids = [...(this.#owned.get(key) ?? []), id];
    this.#owned.set(key, ids);
    if (ids.length > MAX_PER_OWNER) this.#entries.delete(ids[0]!);
    return entry;
  }

  #entryOf(id: string, owner: Owner): Entry | undefined {
    const entry = this.#entries.get(id);
    // Someone else's id is as good as none: it neither works nor tells that it exists.
    return entry && keyOf(entry.session.owner, '') === keyOf(owner, '') ? entry : undefined;
  }

  /** Takes an entry out of the lists, and ends its session at the backend, which may have gone in the meantime. */
  #forget(id: string, { session: { owner, backendId, protocolVersion }, headers }: Entry): void {
    for (const purpose of ['client', 'bridge']) {
      const key = keyOf(owner, purpose);
      const ids = (this.#owned.get(key) ?? []).filter((other) => other !== id);
      if (ids.length > 0) this.#owned.set(key, ids);
      else this.#owned.delete(key);
    }
    if (backendId === undefined) return;
    ask(this.#backendOf(owner), 'DELETE', undefined, { ...headers, 'mcp-session-id': backendId, 'mcp-protocol-version': protocolVersion }).catch(() => undefined);
  }

  #backendOf({ server }: Owner): Backend {
    const backend = this.#backends.get(server);
    if (!backend) throw new SessionError(500, -32603, 'Unknown server');
    return backend;
  }
}

/** What the gateway says of a client that has not said anything of itself. */
const generic = { protocolVersion: LEGACY[0], capabilities: {}, clientInfo: gatewayInformation };

function keyOf({ server, subject, clientId }: Owner, purpose: string): string {
  return JSON.stringify([server, subject, clientId, purpose]);
}
