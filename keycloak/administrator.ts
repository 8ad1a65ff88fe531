import KeycloakAdminClient, { NetworkError } from '@keycloak/keycloak-admin-client';

/** The realm in which Keycloak keeps its own administrators. */
const MASTER = 'master';
/** How the names of temporary administrators begin, so that one whom nobody deleted is known. */
export const TEMPORARY = 'drawbridge-admin-';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Makes the admin console work where the administrator is: with the public host name, its sign-in would lead to paths that the
 * front does not let through. Deletes temporary administrators whom an earlier run left.
 * @param baseUrl Keycloak on the loopback address
 * @returns names of those it deleted
 */
export async function openConsole(baseUrl: string, credentials: Credentials): Promise<string[]> {
  const first = await signIn(baseUrl, credentials);
  const realm = await first.realms.findOne({ realm: MASTER });
  await first.realms.update({ realm: MASTER }, { realm: MASTER, bruteForceProtected: true, attributes: { ...realm?.attributes, frontendUrl: baseUrl } });
  // The issuer is another one now.
  const admin = await signIn(baseUrl, credentials);
  const left = (await admin.users.find({ realm: MASTER, username: TEMPORARY })).filter(({ username }) => username?.startsWith(TEMPORARY) && username !== credentials.username);
  for (const { id } of left) await admin.users.del({ realm: MASTER, id: id! });
  return left.map(({ username }) => username!);
}

/**
 * Deletes the administrator, whose sessions end with the account.
 * @returns false where Keycloak lets nobody of that name in any more
 */
export async function closeConsole(baseUrl: string, credentials: Credentials): Promise<boolean> {
  try {
    const admin = await signIn(baseUrl, credentials);
    const [self] = await admin.users.find({ realm: MASTER, username: credentials.username, exact: true });
    if (self?.id) await admin.users.del({ realm: MASTER, id: self.id });
    return true;
  } catch (error) {
    // RFC 6749 §5.2
    if (error instanceof NetworkError && (error.responseData as { error?: string }).error === 'invalid_grant') return false;
    throw error;
  }
}

async function signIn(baseUrl: string, credentials: Credentials): Promise<KeycloakAdminClient> {
  const admin = new KeycloakAdminClient({ baseUrl, realmName: MASTER, timeout: 30_000 });
  await admin.auth({ grantType: 'password', clientId: 'admin-cli', ...credentials });
  return admin;
}
