import type RealmRepresentation from '@keycloak/keycloak-admin-client/lib/defs/realmRepresentation.js';
import type { RealmInput } from './realm.ts';
import { lifetimes } from './sessions.ts';
import { passwordPolicy } from './users.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/**
 * Every sign-in, refresh and change by an administrator is a line in the log of Keycloak's container, which is bounded.
 * The database keeps none: failed sign-ins are for everyone to make, and would fill it.
 */
const loggedEvents: RealmRepresentation = {
  eventsListeners: ['jboss-logging'],
  eventsEnabled: false,
  adminEventsEnabled: false,
  // What a request to the admin API holds can be a password.
  adminEventsDetailsEnabled: false,
};

/** Which of its flows Keycloak goes by: another one could ask for less than a password. What steps they have is set in the flows themselves. */
const flows: RealmRepresentation = {
  browserFlow: 'browser',
  registrationFlow: 'registration',
  directGrantFlow: 'direct grant',
  resetCredentialsFlow: 'reset credentials',
  clientAuthenticationFlow: 'clients',
};

/** What the code sets of the realm itself. */
export function realmSettings({ realm, servers, sessions }: RealmInput): RealmRepresentation {
  return {
    enabled: true,
    // The sign-in page says what one signs in to.
    displayName: servers[0] ? new URL(servers[0].resource).host : realm,
    loginTheme: 'drawbridge',
    browserSecurityHeaders: {
      // Nothing on these pages comes from elsewhere, whatever a client or a provider puts into its name. Inline script is for
      // Keycloak's passkey pages; no form-action, since Chromium would hold it against the redirect to the client.
      contentSecurityPolicy:
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      xFrameOptions: 'DENY',
    },
    // Plain HTTP from private addresses only: the front terminates TLS, and the applier calls inside the network.
    sslRequired: 'external',
    registrationAllowed: false,
    resetPasswordAllowed: false,
    editUsernameAllowed: false,
    // Else a first sign-in with somebody's address would make a second account instead of asking for their password (first-sign-in.ts).
    duplicateEmailsAllowed: false,
    bruteForceProtected: true,
    permanentLockout: false,
    failureFactor: 10,
    waitIncrementSeconds: MINUTE,
    maxFailureWaitSeconds: 15 * MINUTE,
    maxDeltaTimeSeconds: 12 * HOUR,
    passwordPolicy,
    ...flows,
    ...lifetimes(sessions),
    ...loggedEvents,
  };
}
