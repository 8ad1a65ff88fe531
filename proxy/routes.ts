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
  /** The public path; a prefix ends in a slash. A `*` stands for small letters, digits and dashes, at least one. */
  readonly path: string;
  readonly destination: Destination;
  readonly kind: RouteKind;
}

/** One public path, and the path its destination is asked for. */
export interface ExactRoute extends RouteBase {
  readonly match: 'exact';
  /** With the `*` of `path`, where that has one. */
  readonly upstreamPath: string;
  /** Members that are taken out of the answer, a JSON object: name → value. */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** All paths below a prefix, passed on as they are. */
export interface PrefixRoute extends RouteBase {
  readonly match: 'prefix';
}

export type Route = ExactRoute | PrefixRoute;

/** The paths of a realm. */
interface RealmPaths {
  readonly metadataPaths: readonly { readonly host: string; readonly path: string; readonly upstreamPath: string }[];
  readonly exactPaths: readonly string[];
  readonly prefixPaths: readonly string[];
  /** None where registration is closed. */
  readonly registrationPath?: string;
}

/** What the route table is made from. */
export interface RoutedEndpoints {
  readonly servers: readonly {
    readonly host: string;
    readonly path: string;
    readonly metadataPaths: readonly string[];
  }[];
  /** Where the stack has a Keycloak. */
  readonly authorizationServer?: RealmPaths & {
    readonly host: string;
    /** Realms of which only the beginning of the name is known: a `*` in a path stands for the rest of it. */
    readonly previewRealms?: RealmPaths;
    /** What is taken out of the metadata: name → value. */
    readonly hiddenMetadata?: Readonly<Record<string, string>>;
  };
  /** Where backends find the keys of signed identity headers. */
  readonly identityJwks?: { readonly host: string; readonly path: string };
}

/**
 * Every path that the outside can reach, on any front. An allow-list: Keycloak's admin console, its other realms, its metrics
 * and whatever a later version adds stay private without being named here.
 */
export function routeTable({ servers, authorizationServer, identityJwks }: RoutedEndpoints): Route[] {
  const toServer = { match: 'exact', destination: 'server' } as const;
  return [
    ...servers.flatMap(({ host, path, metadataPaths }): Route[] => [
      // People type the URL with a trailing slash. A redirect would cost some clients their Authorization header.
      ...[path, `${path}/`].map((typed) => ({ ...toServer, host, kind: 'mcp' as const, path: typed, upstreamPath: path })),
      ...metadataPaths.map((path) => ({ ...toServer, host, kind: 'metadata' as const, path, upstreamPath: path })),
    ]),
    ...(identityJwks ? [{ ...toServer, host: identityJwks.host, kind: 'metadata' as const, path: identityJwks.path, upstreamPath: identityJwks.path }] : []),
    ...(authorizationServer ? keycloakRoutes(authorizationServer) : []),
    ...(authorizationServer?.previewRealms ? keycloakRoutes({ host: authorizationServer.host, ...authorizationServer.previewRealms }) : []),
  ];
}

function keycloakRoutes({ host, metadataPaths, hiddenMetadata, registrationPath, exactPaths, prefixPaths }: NonNullable<RoutedEndpoints['authorizationServer']>): Route[] {
  const toKeycloak = { host, destination: 'authorizationServer' } as const;
  const exact = (path: string, kind: RouteKind, upstreamPath = path): ExactRoute => ({ ...toKeycloak, match: 'exact', kind, path, upstreamPath });
  return [
    ...metadataPaths.map((document): ExactRoute => ({ ...toKeycloak, match: 'exact', kind: 'metadata', ...document, ...(hiddenMetadata && { hidden: hiddenMetadata }) })),
    ...(registrationPath ? [exact(registrationPath, 'registration')] : []),
    ...exactPaths.map((path) => exact(path, 'sign-in')),
    ...prefixPaths.map((path): PrefixRoute => ({ ...toKeycloak, match: 'prefix', kind: 'sign-in', path })),
  ];
}
