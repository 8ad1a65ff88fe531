import { literally, PATH_CHARACTERS } from './paths.ts';
import { type Route, type RoutedEndpoints, routeTable } from './routes.ts';

/** One rule of a tunnel's connector (cloudflared's "ingress rule"): the first whose host and path match decides. */
export interface IngressRule {
  readonly hostname?: string;
  /** A regular expression of Go's (RE2), looked for anywhere in the decoded path unless it is anchored. */
  readonly path?: string;
  readonly service: string;
}

/** The configuration of a remotely managed tunnel. */
export interface TunnelConfiguration {
  readonly ingress: readonly IngressRule[];
  readonly originRequest: { readonly keepAliveTimeout: number };
}

/**
 * Renders the route table for a tunnel's connector. What no route names never gets as far as the front, which knows the same
 * routes and decides about all else: paths that are spelled in another way, methods, sizes, callers.
 * @param port where the front listens on the loopback of the connector's machine
 */
export function renderTunnel(endpoints: RoutedEndpoints, port: number): TunnelConfiguration {
  const service = `http://127.0.0.1:${port}`;
  return {
    ingress: [...routeTable(endpoints).map((route) => ({ hostname: route.host, path: pathPattern(route), service })), { service: 'http_status:404' }],
    // Seconds. Shorter than the front drains before its workers end: on a connection that they close, a POST would be a 502.
    originRequest: { keepAliveTimeout: 5 },
  };
}

// RE2 cannot look ahead for `.` and `..`: below a prefix no segment begins with a dot. The connector decodes %2e before it looks
// (cloudflared, proxy.go: req.URL.Path), and passes the path on as it came.
const SEGMENT = `[${PATH_CHARACTERS.replace('.', '')}][${PATH_CHARACTERS}]*`;

function pathPattern({ match, path }: Route): string {
  return match === 'exact' ? `^${literally(path)}$` : `^${literally(path)}(?:${SEGMENT}(?:/|$))*$`;
}
