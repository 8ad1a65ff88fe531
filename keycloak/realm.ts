import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import type ClientScopeRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientScopeRepresentation.js';
import { type ClientMetadata, clientMetadataPolicy } from './client-metadata.ts';
import { consentText } from './consent.ts';
import { type DesiredRealm, MANAGED, type ScopeAssignment } from './desired-realm.ts';
import { firstSignIn } from './first-sign-in.ts';
import { desiredIdentityProviders, type IdentityProviders } from './identity-providers.ts';
import type { PublicClient } from './known-clients.ts';
import { audienceMapper, type Claim, claimMappers } from './mappers.ts';
import { realmSettings } from './realm-settings.ts';
import { type Registration, registrationPolicies, replacedRegistrationPolicies } from './registration.ts';
import type { Sessions } from './sessions.ts';
import { desiredUsers, type Person } from './users.ts';

/** What the realm is made from. Every URL comes from outside. */
export interface RealmInput {
  readonly realm: string;
  readonly servers: readonly ResourceServer[];
  /** The clients that may connect: each has an id of its own, and a registration may name their redirect URIs only. Default: none. */
  readonly clients?: readonly PublicClient[];
  /** Default: open. */
  readonly registration?: Registration;
  /** How client ids that are URLs are treated. Default: as any other id. */
  readonly clientMetadata?: ClientMetadata;
  /** Whether Keycloak looks at `resource` (RFC 8707): each server is then a client too, whose id and resource are one. Default: false. */
  readonly resourceIndicators?: boolean;
  readonly sessions: Sessions;
  /** How many generations of signing keys there have been: one more makes a new one. Default: 1, which is Keycloak's own. */
  readonly signingKeys?: number;
  /** A user to sign in with, where the profile has one. Its password goes to the applier, not in here. */
  readonly demoUser?: { readonly username: string; readonly email: string; readonly firstName: string; readonly lastName: string };
  /** People who get an account, and choose a password of their own when they first sign in. Default: none. */
  readonly users?: readonly Person[];
  /** Where people may sign in besides Keycloak itself, and where the metadata of `oidc` is. Default: nowhere. */
  readonly identityProviders?: IdentityProviders & { readonly discoveryUrl?: string };
}

/** An MCP server that tokens are issued for. */
export interface ResourceServer {
  readonly name: string;
  /** Resource identifier (RFC 8707), which becomes the audience as it stands here. */
  readonly resource: string;
  /** The first is the base scope, which every call needs. */
  readonly scopes: readonly string[];
  /** Names of its tools, resources and prompts, or beginnings with a `*`, and the scope that each needs. Default: none needs more than the base scope. */
  readonly needs?: Readonly<Record<string, string>>;
  /** All of its tools, where they are known. */
  readonly tools?: readonly string[];
  /** Scope → what the consent page says that it allows. Default: told from `needs` and `tools`. */
  readonly consent?: Readonly<Record<string, string>>;
  /** What its tokens say of a person beyond the name. Default: nothing. */
  readonly claims?: readonly Claim[];
}

/** The desired realm. Pure: the same input gives the same data. */
export function desiredRealm(input: RealmInput): DesiredRealm {
  const assignment = assignScopes(input.servers);
  const metadata = input.clientMetadata && clientMetadataPolicy(input.clients ?? [], input.clientMetadata);
  return {
    realm: input.realm,
    settings: realmSettings(input),
    scopes: input.servers.flatMap((server) => server.scopes.map((scope) => resourceScope(server, scope))),
    assignment,
    registrationPolicies: registrationPolicies(input.registration ?? 'open', input.clients ?? []),
    replacedRegistrationPolicies,
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
      ...(metadata ? [metadata.profile] : []),
    ],
    policies: [
      {
        name: 'drawbridge',
        description: 'Every client, however it came into the realm.',
        enabled: true,
        conditions: [{ condition: 'any-client', configuration: {} }],
        profiles: ['drawbridge'],
      },
      ...(metadata ? [metadata.policy] : []),
    ],
    signingKeys: { generation: input.signingKeys ?? 1, overlap: Math.max(input.sessions.maximum, input.sessions.browserMaximum) },
    clients: [...(input.clients ?? []).map((client) => publicClient(client, assignment)), ...(input.resourceIndicators ? input.servers.map(resourceClient) : [])],
    users: desiredUsers(input.demoUser, input.users ?? []),
    firstSignIn,
    identityProviders: desiredIdentityProviders(input.identityProviders ?? {}, input.identityProviders?.discoveryUrl),
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
    none: ['roles', 'address', 'phone', 'microprofile-jwt', 'organization', 'service_account'],
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
      'consent.screen.text': consentText(server, scope),
    },
    protocolMappers: [
      audienceMapper(server.resource),
      // Every call needs the base scope, so that its claims are in each token that is good for the server.
      ...(scope === server.scopes[0] ? (server.claims ?? []).flatMap((claim) => claimMappers[claim]) : []),
    ],
  };
}

function publicClient({ clientId, name, redirectUris }: PublicClient, assignment: ScopeAssignment): ClientRepresentation {
  return {
    clientId,
    name,
    enabled: true,
    protocol: 'openid-connect',
    publicClient: true,
    bearerOnly: false,
    standardFlowEnabled: true,
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: false,
    fullScopeAllowed: false,
    // Anyone can use this id: any program of the machine can bind a loopback port, and a hosted client may have been lured.
    consentRequired: true,
    redirectUris: [...redirectUris],
    // Clients that are a page of a browser ask for tokens by fetch: the origins of the redirect URIs may.
    webOrigins: ['+'],
    attributes: { [MANAGED]: 'true', 'pkce.code.challenge.method': 'S256' },
    defaultClientScopes: [...assignment.default],
    optionalClientScopes: [...assignment.optional],
  };
}

/**
 * A server as Keycloak wants to know it before it takes its URL for a `resource`. Nobody signs in as it. Its id is the URL, so
 * that the audience mappers are right with and without the parameter.
 */
function resourceClient({ name, resource }: ResourceServer): ClientRepresentation {
  return {
    clientId: resource,
    name,
    enabled: true,
    protocol: 'openid-connect',
    publicClient: false,
    bearerOnly: true,
    standardFlowEnabled: false,
    implicitFlowEnabled: false,
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: false,
    // The realm's policy for clients adds the method to every one.
    attributes: { [MANAGED]: 'true', 'pkce.code.challenge.method': 'S256', resource_url: resource },
    // Keycloak would give it the realm's.
    defaultClientScopes: [],
    optionalClientScopes: [],
  };
}
