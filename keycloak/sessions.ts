import type RealmRepresentation from '@keycloak/keycloak-admin-client/lib/defs/realmRepresentation.js';

/** How long what Keycloak issues is good for, in seconds. */
export interface Sessions {
  readonly accessToken: number;
  /** How long a client may stay unused and still be signed in, and when it must ask the person again in any case. */
  readonly idle: number;
  readonly maximum: number;
  /** The same of a browser, and of the clients that asked for no offline access. */
  readonly browserIdle: number;
  readonly browserMaximum: number;
  readonly refreshTokenMaxReuse: 0 | 1;
}

/** The lifetimes as settings of a realm. */
export function lifetimes({ accessToken, idle, maximum, browserIdle, browserMaximum, refreshTokenMaxReuse }: Sessions): RealmRepresentation {
  return {
    // A resource server does not ask whether a token was revoked, so this is how long a stolen one works.
    accessTokenLifespan: accessToken,
    accessCodeLifespan: 60,
    ssoSessionIdleTimeout: browserIdle,
    ssoSessionMaxLifespan: browserMaximum,
    // With offline access, which the clients of MCP ask for where the metadata offers it.
    offlineSessionIdleTimeout: idle,
    offlineSessionMaxLifespanEnabled: true,
    offlineSessionMaxLifespan: maximum,
    revokeRefreshToken: true,
    // With 1 the newest used token may be used once more: an answer lost on the way, or two processes of one client refreshing
    // at the same moment, must not cost the sign-in. A thief gains one round: once one of the two successors has been used, the
    // other, older one is refused, which gives the theft away (RFC 9700 §4.14.2).
    refreshTokenMaxReuse,
  };
}
