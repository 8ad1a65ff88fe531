import type { Route } from './routes.ts';

// What a client could send to pose as a proxy: another address, host, path or user than its own.
const NOT_FROM_CLIENTS = [
  'Forwarded',
  'X-Forwarded-Prefix',
  'X-Forwarded-Server',
  'X-Forwarded-Scheme',
  'X-Forwarded-Ssl',
  'X-Forwarded-Path',
  'X-Forwarded-Uri',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Access-Token',
  'X-Original-Host',
  'X-Original-URI',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-Real-IP',
  'X-Client-IP',
  'X-Cluster-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'X-HTTP-Method-Override',
  'Remote-User',
  'SSL-Client-Cert',
  'Proxy',
  // What the gateway tells backends about who calls. It strips these as well.
  ...['Subject', 'Username', 'Client', 'Scopes', 'Expires', 'Identity'].map((name) => `Drawbridge-${name}`),
];

/**
 * The request headers an upstream gets. `X-Forwarded-For` is replaced, never appended to: an appended list lets a client
 * choose the address that Keycloak's brute-force protection counts.
 * @param authority the public host, with the port where it is not 443
 * @param port the public port
 */
export function forwardedHeaders(authority: string, port: number): string[] {
  return [
    `proxy_set_header Host ${authority};`,
    'proxy_set_header Connection "";',
    'proxy_set_header X-Forwarded-For $remote_addr;',
    'proxy_set_header X-Forwarded-Proto https;',
    `proxy_set_header X-Forwarded-Host ${authority};`,
    `proxy_set_header X-Forwarded-Port ${port};`,
    ...NOT_FROM_CLIENTS.map((name) => `proxy_set_header ${name} "";`),
  ];
}

const ownedHere = ['Strict-Transport-Security', 'X-Content-Type-Options', 'Referrer-Policy', 'X-Powered-By'];
const cors = ['Access-Control-Allow-Origin', 'Access-Control-Allow-Methods', 'Access-Control-Allow-Headers', 'Access-Control-Allow-Credentials', 'Access-Control-Expose-Headers', 'Access-Control-Max-Age'];

/** Response headers of upstreams that are dropped, since the front sets its own, or since they are not an upstream's to set. */
export function hiddenHeaders(route?: Route): string[] {
  return [
    ...ownedHere,
    ...(route && answersAnyOrigin(route) ? cors : []),
    // A backend must not plant cookies on an origin that it may share with the sign-in pages.
    ...(route?.kind === 'mcp' ? ['Set-Cookie'] : []),
  ].map((name) => `proxy_hide_header ${name};`);
}

/**
 * Response headers that the front adds. Keycloak's own Content-Security-Policy and X-Frame-Options on the sign-in pages stay.
 * @param hsts whether to send Strict-Transport-Security; never with includeSubDomains, the siblings are not ours
 */
export function responseHeaders(hsts: boolean, route?: Route): string[] {
  return [
    // Empty, and then not there, but while the front drains.
    'Connection $farewell',
    ...(hsts ? ['Strict-Transport-Security max-age=31536000'] : []),
    'X-Content-Type-Options nosniff',
    'Referrer-Policy no-referrer',
    // A backend's answer, opened in a browser, must not run script on the origin of the sign-in pages.
    ...(route?.kind === 'mcp' ? [`Content-Security-Policy "default-src 'none'; frame-ancestors 'none'; sandbox"`] : []),
    ...(route && answersAnyOrigin(route)
      ? ['Access-Control-Allow-Origin *', `Access-Control-Allow-Methods "${route.kind === 'metadata' ? 'GET, HEAD' : 'POST'}"`, 'Access-Control-Allow-Headers "*, Authorization"', 'Access-Control-Max-Age 3600']
      : []),
  ].map((header) => `add_header ${header} always;`);
}

/**
 * CORS of documents and of registration is decided here alone: they carry no cookie and are the same for everyone, and
 * Keycloak's preflight knows no MCP-Protocol-Version header. Elsewhere the upstream decides.
 */
function answersAnyOrigin(route: Route): boolean {
  return route.kind === 'metadata' || route.kind === 'registration';
}
