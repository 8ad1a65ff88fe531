/** Where Keycloak is, seen from outside and from inside. */
export interface KeycloakInput {
  /** Public base URL with its path: `https://mcp.example.org/auth`. */
  readonly baseUrl: string;
  readonly database: { readonly host: string; readonly database: string; readonly username: string };
  /** Address of the front, where it is on another machine. */
  readonly frontAddress?: string;
  /** Host names, without ports, that Keycloak itself may send requests to. Default: none. */
  readonly outgoingHosts?: readonly string[];
}

/** Private address ranges: where the front is when it shares a container network with Keycloak. */
const PRIVATE_NETWORKS = ['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];

/**
 * Keycloak's runtime options as environment variables, without secrets. Options of `kc.sh build` (database kind, relative
 * path, health, features) are in the Dockerfile: given here as well they could disagree, and the start would stop.
 */
export function keycloakOptions({ baseUrl, database, frontAddress, outgoingHosts = [] }: KeycloakInput): Record<string, string> {
  return {
    // With its path: a bare origin would give an issuer without /auth.
    KC_HOSTNAME: baseUrl,
    // Otherwise the Host header decides what the issuer is.
    KC_HOSTNAME_STRICT: 'true',
    // TLS ends at the front, which alone is let in to this port.
    KC_HTTP_ENABLED: 'true',
    KC_PROXY_HEADERS: 'xforwarded',
    // From anywhere else a forged X-Forwarded-For would get around brute-force protection.
    KC_PROXY_TRUSTED_ADDRESSES: [...PRIVATE_NETWORKS, ...(frontAddress ? [frontAddress] : [])].join(','),
    KC_DB_URL: `jdbc:postgresql://${database.host}/${database.database}`,
    KC_DB_USERNAME: database.username,
    // Keycloak has no option of its own for this. Without it, each pooled connection that a restart of the database has cut
    // costs someone a sign-in: a 500, until all have been found out.
    QUARKUS_DATASOURCE_JDBC_VALIDATE_ON_BORROW: 'true',
    // One node: no cluster to look for, no cluster port.
    KC_CACHE: 'local',
    // A dead proxy stands in the way of every host but those named. A stranger's registration may name URLs (jwks_uri,
    // sector_identifier_uri, request_uris) and would have them fetched from inside the network (SSRF). The first match counts.
    KC_SPI_CONNECTIONS_HTTP_CLIENT__DEFAULT__PROXY_MAPPINGS: [...[...new Set(outgoingHosts)].map((host) => `${exactly(host)};NO_PROXY`), '.*;http://127.0.0.1:9'].join(','),
    // Beside the data folder, which is in memory only.
    KC_SPI_PASSWORD_POLICY__PASSWORD_BLACKLIST__BLACKLISTS_PATH: '/opt/keycloak/password-blacklists',
    // Who signed in, refreshed or changed something, with client and address. Keycloak's own default is to log failures only.
    KC_SPI_EVENTS_LISTENER__JBOSS_LOGGING__SUCCESS_LEVEL: 'info',
    // The health endpoint logs a line per question while Keycloak starts.
    KC_LOG_LEVEL: 'info,io.smallrye.health:error',
  };
}

/** A pattern for one host name alone. No backslash in it: whoever splits the list would take it for an escape. */
function exactly(host: string): string {
  return host.replaceAll('.', '[.]');
}
