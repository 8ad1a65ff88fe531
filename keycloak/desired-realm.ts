import type ClientPolicyRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientPolicyRepresentation.js';
import type ClientProfileRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientProfileRepresentation.js';
import type ClientRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientRepresentation.js';
import type ClientScopeRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientScopeRepresentation.js';
import type ComponentRepresentation from '@keycloak/keycloak-admin-client/lib/defs/componentRepresentation.js';
import type RealmRepresentation from '@keycloak/keycloak-admin-client/lib/defs/realmRepresentation.js';
import type { FirstSignIn } from './first-sign-in.ts';
import type { DesiredIdentityProvider } from './identity-providers.ts';
import type { DesiredUser } from './users.ts';

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
  readonly users: readonly DesiredUser[];
  readonly firstSignIn: FirstSignIn;
  readonly identityProviders: readonly DesiredIdentityProvider[];
  readonly signingKeys: SigningKeys;
}

/** Which client scopes a client of this realm gets: into each token, when it asks for them, or not at all. */
export interface ScopeAssignment {
  readonly default: readonly string[];
  readonly optional: readonly string[];
  readonly none: readonly string[];
}

/** The keys that sign tokens, refresh tokens and cookies. */
export interface SigningKeys {
  readonly generation: number;
  /** Seconds for which an earlier generation still verifies: as long as the longest session. */
  readonly overlap: number;
}

/** Marks what the code made, so that it can take away what it no longer wants without touching what people added. */
export const MANAGED = 'drawbridge.managed';
