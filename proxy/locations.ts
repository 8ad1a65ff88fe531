import type { Lines } from './blocks.ts';
import { allowed } from './callers.ts';
import { registrationLimit } from './flood.ts';
import type { FrontInput } from './front.ts';
import { hiddenHeaders, responseHeaders } from './headers.ts';
import { CAPTURED_WILDCARD, hasWildcard, literally } from './paths.ts';
import { type Route, routeTable } from './routes.ts';
import { proxyPass, whileStarting } from './upstreams.ts';

// An MCP call may carry a file. What a registration says is kept.
const MCP_BODY_LIMIT = '4m';
const REGISTRATION_BODY_LIMIT = '8k';
// Claude gives a tool call 300 s; the server's own limit has to strike first.
const MCP_READ_TIMEOUT = '360s';

/** The routes of a host, and 404 for all else. */
export function locations(input: FrontInput, host: string): Lines {
  const routes = routeTable(input.endpoints).filter((route) => route.host === host);
  return [['location / {', 'return 404;', '}'], ...routes.map((route) => location(input, route))];
}

function location(input: FrontInput, route: Route): Lines {
  // A prefix is a regular expression: nginx answers a prefix location without its trailing slash with a redirect.
  return [`location ${matching(route)} {`, ...treatment(input, route), proxyPass(input, route), '}'];
}

function matching({ match, path }: Route): string {
  if (match === 'prefix') return `~ ^${literally(path)}`;
  // Quoted, since it may hold braces and a semicolon for all that nginx knows.
  return hasWildcard(path) ? `~ "^${literally(path, CAPTURED_WILDCARD)}$"` : `= ${path}`;
}

function treatment(input: FrontInput, route: Route): Lines {
  const headers = [...responseHeaders(input.hsts, route), ...hiddenHeaders(route)];
  switch (route.kind) {
    case 'mcp':
      return [...headers, ...allowed(input.callers), `client_max_body_size ${MCP_BODY_LIMIT};`, 'proxy_request_buffering off;', 'proxy_buffering off;', `proxy_read_timeout ${MCP_READ_TIMEOUT};`];
    case 'metadata':
      return [...headers, ...preflight, ...(route.destination === 'authorizationServer' ? whileStarting(input) : []), ...(route.match === 'exact' && route.hidden ? without(route.hidden) : [])];
    case 'registration':
      return [...headers, ...preflight, ...registrationLimit, `client_max_body_size ${REGISTRATION_BODY_LIMIT};`];
    case 'sign-in':
      return whileStarting(input);
  }
}

const preflight: Lines = [['if ($request_method = OPTIONS) {', 'return 204;', '}']];

/** Takes members out of Keycloak's JSON, which has no space between them and does not end in one of these. */
function without(members: Readonly<Record<string, string>>): Lines {
  const removals = Object.entries(members).map(([name, value]) => `sub_filter '${JSON.stringify(name)}:${JSON.stringify(value)},' '';`);
  return [...removals, 'sub_filter_types application/json;', 'sub_filter_once off;'];
}
