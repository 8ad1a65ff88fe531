import { LRUCache } from 'lru-cache';
import type { BackendHeaders, Owner, Session, Sessions } from './session.ts';

/** How long a worker believes what it was told, in milliseconds. What changed meanwhile shows when the backend refuses it. */
const TTL_MILLISECONDS = 10_000;

/** A worker's memory of the registry, so that most calls need not ask the main thread. */
export function cachedSessions(sessions: Sessions): Sessions {
  const known = new LRUCache<string, Session>({ max: 1_000, ttl: TTL_MILLISECONDS });
  const modern = new LRUCache<string, boolean>({ max: 100, ttl: TTL_MILLISECONDS });
  const key = ({ server, subject, clientId }: Owner, what: string) => JSON.stringify([server, subject, clientId, what]);

  async function through(at: string, obtain: () => Promise<Session | undefined>): Promise<Session | undefined> {
    const session = known.get(at) ?? (await obtain());
    if (session) known.set(at, session, { noUpdateTTL: true });
    return session;
  }

  function replace(session: Session | undefined): Session | undefined {
    if (session === undefined) return undefined;
    // A copy: setting moves an entry to where the iteration is still to come, without end.
    for (const [at, held] of [...known.entries()]) if (held.id === session.id) known.set(at, session);
    return session;
  }

  return {
    initialize: async (owner, params, headers) => {
      const session = await sessions.initialize(owner, params, headers);
      known.set(key(owner, 'current'), session);
      known.set(key(owner, `id ${session.id}`), session);
      return session;
    },
    current: async (owner: Owner, headers: BackendHeaders) => (await through(key(owner, 'current'), () => sessions.current(owner, headers)))!,
    bridge: async (owner: Owner, headers: BackendHeaders) => (await through(key(owner, 'bridge'), () => sessions.bridge(owner, headers)))!,
    resume: (id, owner, headers) => through(key(owner, `id ${id}`), () => sessions.resume(id, owner, headers)),
    find: (id, owner) => through(key(owner, `id ${id}`), () => sessions.find(id, owner)),
    renew: async (id, lost, headers) => replace(await sessions.renew(id, lost, headers)),
    end: async (id, owner) => {
      for (const what of ['current', `id ${id}`]) known.delete(key(owner, what));
      await sessions.end(id, owner);
    },
    touch: (ids) => sessions.touch(ids),
    isModern: (server, headers) => modern.get(server) ?? Promise.resolve(sessions.isModern(server, headers)).then((answer) => {
      modern.set(server, answer);
      return answer;
    }),
  };
}
