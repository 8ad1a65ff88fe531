/** Where Keycloak is, seen from outside and from inside. */
export interface KeycloakInput {
  /** Public base URL with its path: `https://mcp.example.org/auth`. */
  readonly baseUrl: string;
  readonly database: { readonly host: string; readonly database: string; readonly username: string };
  /** Addresses (IP or CIDR) whose X-Forwarded-* headers count: the front's. */
  readonly trustedProxies?: readonly string[];
}

/** Private address ranges: where the front is when it shares a container network with Keycloak. */
const PRIVATE_NETWORKS = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

/**
 * Keycloak's runtime options as environment variables, without secrets. Options of `kc.sh build` (database kind, relative
 * path, health, features) are in the Dockerfile: given here as well they could disagree, and the start would stop.
 */
export function keycloakOptions({ baseUrl, database, trustedProxies = PRIVATE_NETWORKS }: KeycloakInput): Record<string, string> {
  return {
    // With its path: a bare origin would give an issuer without /auth.
    KC_HOSTNAME: baseUrl,
    // Otherwise the Host header decides what the issuer is.
    KC_HOSTNAME_STRICT: 'true',
    // TLS ends at the front. This port is reachable from the container network only.
    KC_HTTP_ENABLED: 'true',
    KC_PROXY_HEADERS: 'xforwarded',
    // From anywhere else a forged X-Forwarded-For would get around brute-force protection.
    KC_PROXY_TRUSTED_ADDRESSES: trustedProxies.join(','),
    KC_DB_URL: `jdbc:postgresql://${database.host}/${database.database}`,
    KC_DB_USERNAME: database.username,
    // Keycloak has no option of its own for this. Without it, each pooled connection that a restart of the database has cut
    // costs someone a sign-in: a 500, until all have been found out.
    QUARKUS_DATASOURCE_JDBC_VALIDATE_ON_BORROW: 'true',
    // One node: no cluster to look for, no cluster port.
    KC_CACHE: 'local',
    // No request of Keycloak's own leaves it: a dead proxy stands in the way of every host. A stranger's registration may
    // name URLs (jwks_uri, sector_identifier_uri, request_uris) and would have them fetched from inside the network (SSRF).
    KC_SPI_CONNECTIONS_HTTP_CLIENT__DEFAULT__PROXY_MAPPINGS: '.*;http://127.0.0.1:9',
    // The health endpoint logs a line per question while Keycloak starts.
    KC_LOG_LEVEL: 'info,io.smallrye.health:error',
  };
}
