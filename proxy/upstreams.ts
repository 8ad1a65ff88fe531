import type { Lines } from './blocks.ts';
import type { FrontInput } from './front.ts';
import { type Route, routeTable } from './routes.ts';

/** Fixed addresses get a pool of kept connections. Names in a bridge network are resolved per request instead (see `proxyPass`). */
export function upstreamPools({ network, upstreams, nextServer, endpoints }: FrontInput): Lines {
  if (network === 'bridge') return [];
  return [...new Set(routeTable(endpoints).map(({ destination }) => destination))].map((destination) => [
    `upstream ${destination} {`,
    `server ${hostOf(upstreams[destination])} max_fails=0;`,
    ...(destination === 'server' ? (nextServer ? [`server ${hostOf(nextServer)} backup;`] : []) : [`server ${NOBODY} backup;`]),
    'keepalive 32;',
    // Shorter than Node's 5 s: a connection that the other end closes while a POST is on its way would be a 502.
    'keepalive_timeout 4s;',
    '}',
  ]);
}

const hostOf = (origin: string): string => new URL(origin).host;

// A backup is asked once the first one failed: for the server it is where the next one is, for the last requests of an old
// configuration. For Keycloak it is a socket that nobody listens at: what is sent on to there ends in the front's own answer.
const NOBODY = 'unix:/run/nginx/nobody.sock';

/**
 * In a location: the front answers in place of a Keycloak that starts or ends, whose own 503 is plain text. Its other answers stay
 * its own: it has a page with 502 for a sign-in that fails at a provider.
 */
export const whileStarting = ({ network }: FrontInput): Lines => (network === 'bridge' ? [] : ['proxy_next_upstream error http_503 non_idempotent;']);

/** A proxy_pass with a variable in it is resolved at each request; nginx then takes the path from here, not from its location. */
export function proxyPass({ network, upstreams }: FrontInput, route: Route): string {
  const origin = network === 'bridge' ? upstreams[route.destination] : `http://${route.destination}`;
  return `proxy_pass ${origin}${route.match === 'exact' ? route.upstreamPath.replace('*', '$wildcard') : '$uri'}$is_args$args;`;
}
