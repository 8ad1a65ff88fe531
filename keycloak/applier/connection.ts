import KeycloakAdminClient, { NetworkError } from '@keycloak/keycloak-admin-client';

/** A confidential client of a realm, as which to sign in. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** An admin client that is signed in to one realm and works on it, or on another when a call names it. */
export type Connection = KeycloakAdminClient;

/** The realm in which Keycloak keeps its own administrators. */
export const MASTER = 'master';

/** Milliseconds until one request is given up. The first requests to a cold Keycloak take seconds. */
const REQUEST_TIMEOUT = 30_000;
/** Milliseconds for which a token is used. Keycloak's master realm issues them for a minute. */
const TOKEN_USE = 30_000;

/**
 * Signs in as a client of a realm.
 * @returns undefined where Keycloak does not know the client or the secret is another.
 */
export async function signIn(url: string, realm: string, { clientId, clientSecret }: ClientCredentials): Promise<Connection | undefined> {
  const connection = new KeycloakAdminClient({ baseUrl: url, realmName: realm, timeout: REQUEST_TIMEOUT });
  const authenticate = () => connection.auth({ grantType: 'client_credentials', clientId, clientSecret });
  try {
    await authenticate();
  } catch (error) {
    // 404 where the realm itself is missing.
    if (error instanceof NetworkError && [400, 401, 404].includes(error.response.status)) return undefined;
    throw error;
  }
  let renewAt = Date.now() + TOKEN_USE;
  connection.registerTokenProvider({
    getAccessToken: async () => {
      if (Date.now() >= renewAt) {
        await authenticate();
        renewAt = Date.now() + TOKEN_USE;
      }
      return connection.accessToken;
    },
  });
  return connection;
}

/** Methods of the admin client that only ask. */
const ASKS = /^(find|list|get|import)/;

/** The same, of which every call that would change something is answered without being made. */
export function readOnly(admin: Connection): Connection {
  const asking = <Target extends object>(resource: Target): Target =>
    new Proxy(resource, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return ASKS.test(String(name)) ? (value as (...args: unknown[]) => unknown).bind(target) : async () => ({});
      },
    });
  return new Proxy(admin, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'object' && value !== null ? asking(value) : value;
    },
  });
}

/**
 * Waits until Keycloak answers at all, for instance while its container is being replaced.
 * @param patience in milliseconds. Default 60000.
 */
export async function waitForKeycloak(url: string, patience = 60_000): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const problem = await whyUnavailable(url);
    if (!problem) return;
    if (Date.now() >= deadline) throw new Error(`Keycloak did not answer at ${url} within ${patience / 1000} s: ${problem}. Look at the log of its container.`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function whyUnavailable(url: string): Promise<string | undefined> {
  try {
    const { status } = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) });
    return status >= 500 ? `HTTP ${status}` : undefined;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}
