/** Where an answer comes from: our MCP server, or Keycloak. */
export type Destination = 'server' | 'authorizationServer';

/**
 * What a route is for, which decides how a front treats it:
 * `mcp` streams and takes large bodies, `metadata` and `registration` answer browsers of any origin, `sign-in` is the rest.
 */
export type RouteKind = 'mcp' | 'metadata' | 'registration' | 'sign-in';

interface RouteBase {
  /** Public host, without a port. */
  readonly host: string;
  /** The public path; a prefix ends in a slash. */
  readonly path: string;
  readonly destination: Destination;
  readonly kind: RouteKind;
}

/** One public path, and the path its destination is asked for. */
export interface ExactRoute extends RouteBase {
  readonly match: 'exact';
  readonly upstreamPath: string;
}

/** All paths below a prefix, passed on as they are. */
export interface PrefixRoute extends RouteBase {
  readonly match: 'prefix';
}

export type Route = ExactRoute | PrefixRoute;

/** What the route table is made from. */
export interface RoutedEndpoints {
  readonly servers: readonly {
    readonly host: string;
    readonly path: string;
    readonly metadataPaths: readonly string[];
  }[];
  readonly authorizationServer: {
    readonly host: string;
    readonly metadataPaths: readonly { readonly path: string; readonly upstreamPath: string }[];
    readonly exactPaths: readonly string[];
    readonly prefixPaths: readonly string[];
    readonly registrationPath: string;
  };
}

/**
 * Every path that the outside can reach, on any front. An allow-list: Keycloak's admin console, its other realms, its metrics
 * and whatever a later version adds stay private without being named here.
 */
export function routeTable({ servers, authorizationServer }: RoutedEndpoints): Route[] {
  const toServer = { match: 'exact', destination: 'server' } as const;
  const { host } = authorizationServer;
  const toKeycloak = { host, destination: 'authorizationServer' } as const;
  const exact = (path: string, kind: RouteKind, upstreamPath = path): ExactRoute => ({ ...toKeycloak, match: 'exact', kind, path, upstreamPath });
  return [
    ...servers.flatMap(({ host, path, metadataPaths }): Route[] => [
      // People type the URL with a trailing slash. A redirect would cost some clients their Authorization header.
      ...[path, `${path}/`].map((typed) => ({ ...toServer, host, kind: 'mcp' as const, path: typed, upstreamPath: path })),
      ...metadataPaths.map((path) => ({ ...toServer, host, kind: 'metadata' as const, path, upstreamPath: path })),
    ]),
    ...authorizationServer.metadataPaths.map(({ path, upstreamPath }) => exact(path, 'metadata', upstreamPath)),
    exact(authorizationServer.registrationPath, 'registration'),
    ...authorizationServer.exactPaths.map((path) => exact(path, 'sign-in')),
    ...authorizationServer.prefixPaths.map((path): PrefixRoute => ({ ...toKeycloak, match: 'prefix', kind: 'sign-in', path })),
  ];
}
