/** Who calls, as far as the access token says. The token itself is not kept. */
export interface Caller {
  /** Stable user id at the issuer: the `sub` claim. */
  readonly subject: string;
  /** Name for people; not unique over time. */
  readonly username?: string;
  /** Only an address that the authorization server has verified: an unverified one is whatever its owner typed. */
  readonly email?: string;
  /** Without the leading slash of Keycloak's group paths. */
  readonly groups: readonly string[];
  /** The OAuth client that got the token. */
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}
