import type ClientPolicyRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientPolicyRepresentation.js';
import type ClientProfileRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientProfileRepresentation.js';
import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import type ClientScopeRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientScopeRepresentation.js';
import type ComponentRepresentation from '@keycloak/keycloak-admin-client/lib/defs/componentRepresentation.js';
import type RealmRepresentation from '@keycloak/keycloak-admin-client/lib/defs/realmRepresentation.js';
import type UserRepresentation from '@keycloak/keycloak-admin-client/lib/defs/userRepresentation.js';
import { knownHosts } from './known-clients.ts';

/** What the realm is made from. Every URL comes from outside. */
export interface RealmInput {
  readonly realm: string;
  readonly servers: readonly ResourceServer[];
  /** Public clients that need not register. Default: none. */
  readonly clients?: readonly PublicClient[];
  /** A user to sign in with, where the profile has one. Its password goes to the applier, not in here. */
  readonly demoUser?: { readonly username: string; readonly email: string; readonly firstName: string; readonly lastName: string };
}

/** An MCP server that tokens are issued for. */
export interface ResourceServer {
  readonly name: string;
  /** Resource identifier (RFC 8707), which becomes the audience as it stands here. */
  readonly resource: string;
  /** The first is the base scope, which every call needs. */
  readonly scopes: readonly string[];
}

export interface PublicClient {
  readonly clientId: string;
  /** What the consent page calls it. */
  readonly name: string;
  /** Exact, but for the port of a loopback address, which is left out and then free (RFC 8252 §7.3). */
  readonly redirectUris: readonly string[];
}

/** Which client scopes a client of this realm gets: into each token, when it asks for them, or not at all. */
export interface ScopeAssignment {
  readonly default: readonly string[];
  readonly optional: readonly string[];
  readonly none: readonly string[];
}

/** The part of a realm that the code owns, as data. The applier brings a running Keycloak to it. */
export interface DesiredRealm {
  readonly realm: string;
  readonly settings: RealmRepresentation;
  readonly scopes: readonly ClientScopeRepresentation[];
  readonly assignment: ScopeAssignment;
  /** What a client that registers without an initial access token must pass. */
  readonly registrationPolicies: readonly ComponentRepresentation[];
  /** Names of Keycloak's own anonymous registration policies that ours take the place of. */
  readonly replacedRegistrationPolicies: readonly string[];
  readonly profiles: readonly ClientProfileRepresentation[];
  readonly policies: readonly ClientPolicyRepresentation[];
  readonly clients: readonly ClientRepresentation[];
  readonly users: readonly UserRepresentation[];
}

/** Marks what the code made, so that it can take away what it no longer wants without touching what people added. */
export const MANAGED = 'drawbridge.managed';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The desired realm. Pure: the same input gives the same data. */
export function desiredRealm(input: RealmInput): DesiredRealm {
  const assignment = assignScopes(input.servers);
  return {
    realm: input.realm,
    settings: settings(input),
    scopes: input.servers.flatMap((server) => server.scopes.map((scope) => resourceScope(server, scope))),
    assignment,
    registrationPolicies: registrationPolicies(),
    replacedRegistrationPolicies: ['Allowed Client Scopes'],
    profiles: [
      {
        name: 'drawbridge',
        description: 'OAuth 2.1 for every client: PKCE with S256, no implicit grant, no password grant.',
        executors: [
          // Keycloak's metadata lists plain too. Without this a client could be talked down to it (RFC 9700 §2.1.1).
          { executor: 'pkce-enforcer', configuration: { 'auto-configure': 'true' } },
          { executor: 'reject-implicit-grant', configuration: { 'auto-configure': 'true' } },
          // The built-in client admin-cli would take passwords at the public token endpoint.
          { executor: 'reject-ropc-grant', configuration: { 'auto-configure': 'true' } },
        ],
      },
    ],
    policies: [
      {
        name: 'drawbridge',
        description: 'Every client, however it came into the realm.',
        enabled: true,
        conditions: [{ condition: 'any-client', configuration: {} }],
        profiles: ['drawbridge'],
      },
    ],
    clients: (input.clients ?? []).map((client) => publicClient(client, assignment)),
    users: input.demoUser ? [{ ...input.demoUser, enabled: true, emailVerified: true }] : [],
  };
}

function settings({ realm, servers }: RealmInput): RealmRepresentation {
  return {
    enabled: true,
    // The sign-in page says what one signs in to.
    displayName: servers[0] ? new URL(servers[0].resource).host : realm,
    // Plain HTTP from private addresses only: the front terminates TLS, and the applier calls inside the network.
    sslRequired: 'external',
    registrationAllowed: false,
    resetPasswordAllowed: false,
    editUsernameAllowed: false,
    bruteForceProtected: true,
    permanentLockout: false,
    failureFactor: 10,
    waitIncrementSeconds: MINUTE,
    maxFailureWaitSeconds: 15 * MINUTE,
    maxDeltaTimeSeconds: 12 * HOUR,
    // A resource server does not ask whether a token was revoked, so this is how long a stolen one works.
    accessTokenLifespan: 5 * MINUTE,
    accessCodeLifespan: MINUTE,
    ssoSessionIdleTimeout: 12 * HOUR,
    ssoSessionMaxLifespan: 7 * DAY,
    // How long a client may stay unused and still be signed in, and when it must ask the person again in any case.
    offlineSessionIdleTimeout: 30 * DAY,
    offlineSessionMaxLifespanEnabled: true,
    offlineSessionMaxLifespan: 90 * DAY,
    revokeRefreshToken: true,
    // One reuse of the newest used token: an answer lost on the way, or two processes of one client refreshing at the
    // same moment, must not cost the sign-in. A thief gains one round: once one of the two successors has been used, the
    // other, older one is refused, which gives the theft away (RFC 9700 §4.14.2).
    refreshTokenMaxReuse: 1,
  };
}

/**
 * With one server its base scope goes into every token, since clients from before scopes were in the challenge ask for
 * none. With several it must not: a token would then be good for servers that nobody asked for.
 */
function assignScopes(servers: readonly ResourceServer[]): ScopeAssignment {
  const base = servers.length === 1 ? (servers[0]?.scopes.slice(0, 1) ?? []) : [];
  return {
    default: ['basic', 'acr', 'profile', 'web-origins', ...base],
    optional: ['offline_access', 'email', ...servers.flatMap(({ scopes }) => scopes).filter((scope) => !base.includes(scope))],
    // Each would be one more thing to consent to, or put Keycloak's own roles and audiences into the tokens.
    none: ['roles', 'address', 'phone', 'microprofile-jwt', 'organization'],
  };
}

function resourceScope(server: ResourceServer, scope: string): ClientScopeRepresentation {
  return {
    name: scope,
    description: `${scope} on ${server.resource}`,
    protocol: 'openid-connect',
    attributes: {
      [MANAGED]: 'true',
      'include.in.token.scope': 'true',
      'display.on.consent.screen': 'true',
      'consent.screen.text': scope === server.scopes[0] ? `Use ${server.name} (${scope})` : `Use ${server.name} with ${scope}`,
    },
    protocolMappers: [
      {
        name: 'audience',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-audience-mapper',
        // The ID token's audience is the client alone: an ID token must never pass for an access token.
        config: { 'included.custom.audience': server.resource, 'access.token.claim': 'true', 'id.token.claim': 'false', 'introspection.token.claim': 'true' },
      },
    ],
  };
}

function registrationPolicies(): ComponentRepresentation[] {
  const policy = (name: string, providerId: string, config: Record<string, string[]> = {}): ComponentRepresentation => ({ name, providerId, config });
  return [
    // Hosted clients register from their vendor's cloud, native ones from anywhere: only what they name can be checked.
    policy('Trusted Hosts', 'trusted-hosts', {
      'host-sending-registration-request-must-match': ['false'],
      'client-uris-must-match': ['true'],
      'trusted-hosts': knownHosts(),
    }),
    policy('Sign-in Only', 'drawbridge-sign-in-only'),
    // Browser clients register by fetch. The endpoint takes no cookies, so any origin may read its answer.
    policy('Allowed Registration Web Origins', 'registration-web-origins', { 'web-origins': ['*'] }),
    policy('Max Clients Limit', 'max-clients', { 'max-clients': ['200'] }),
    // Whoever registered may call itself anything: the person sees the request and decides.
    policy('Consent Required', 'consent-required'),
    policy('Full Scope Disabled', 'scope'),
  ];
}

function publicClient({ clientId, name, redirectUris }: PublicClient, assignment: ScopeAssignment): ClientRepresentation {
  return {
    clientId,
    name,
    enabled: true,
    protocol: 'openid-connect',
    publicClient: true,
    standardFlowEnabled: true,
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: false,
    fullScopeAllowed: false,
    // Any program of the machine can bind a loopback port and use this client id.
    consentRequired: true,
    redirectUris: [...redirectUris],
    webOrigins: [],
    attributes: { [MANAGED]: 'true', 'pkce.code.challenge.method': 'S256' },
    defaultClientScopes: [...assignment.default],
    optionalClientScopes: [...assignment.optional],
  };
}
