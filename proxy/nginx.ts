import { answerMap, errorAnswers } from './answers.ts';
import { type Lines, render } from './blocks.ts';
import { forwardedHeaders, hiddenHeaders, responseHeaders } from './headers.ts';
import { type Destination, type Route, type RoutedEndpoints, routeTable } from './routes.ts';

/** What the front needs to know of a stack's endpoints. */
export interface FrontEndpoints extends RoutedEndpoints {
  /** Every public host name, without ports. */
  readonly hosts: readonly string[];
  /** The port in public URLs. */
  readonly port: number;
  /** Where ACME's HTTP-01 challenges are asked for, ending in a slash (RFC 8555 §8.3). */
  readonly challengePath: string;
}

export interface FrontInput {
  readonly endpoints: FrontEndpoints;
  /**
   * `bridge`: nginx runs as uid 101 in a Docker network, where upstreams are container names whose addresses change.
   * `host`: nginx's master is root on the host's own network, and upstreams are fixed addresses.
   */
  readonly network: 'bridge' | 'host';
  /** The origin of each destination as the front reaches it: `http://server:8080`. */
  readonly upstreams: Readonly<Record<Destination, string>>;
  /** Send Strict-Transport-Security. Never for `localhost`, where it would break other programs' plain HTTP. */
  readonly hsts: boolean;
}

/** The two nginx configurations of a front. */
export interface FrontConfigurations {
  /** Until the first certificate is there: the ACME challenge, and 503 for all else. */
  readonly waiting: string;
  readonly serving: string;
}

// An MCP call may carry a file; a sign-in form, a token request and a registration are small.
const MCP_BODY_LIMIT = '4m';
const BODY_LIMIT = '128k';
// Claude gives a tool call 300 s; the server's own limit has to strike first.
const MCP_READ_TIMEOUT = '360s';

// The characters that our paths consist of. nginx matches locations against a decoded, normalised path, and Keycloak decodes
// and normalises again in its own way: only a path that both read the same may pass (/auth/%61dmin, /x/..%2fadmin, /x;a/..).
const PATH_CHARACTERS = 'A-Za-z0-9._~@-';
const PLAIN_PATH = `~^(?:/(?!\\.\\.?(?:[/?]|$))[${PATH_CHARACTERS}]++)*+/?(?:\\?|$)`;

/** Renders the front's configurations. Pure; the text holds no secret. */
export function renderNginx(input: FrontInput): FrontConfigurations {
  return {
    waiting: render([...mainBlock(input), ['http {', ...httpBlock(input), waitingServer(input), '}']]),
    serving: render([
      ...mainBlock(input),
      [
        'http {',
        ...httpBlock(input),
        ...tlsSettings,
        ...upstreams(input),
        ...pathMaps,
        ...answerMap,
        ...redirectServers(input),
        ...unknownHostServers(input),
        ...input.endpoints.hosts.map((host) => hostServer(input, host)),
        healthServer,
        '}',
      ],
    ]),
  };
}

function mainBlock({ network }: FrontInput): Lines {
  return [
    ...(network === 'host' ? ['user nginx;'] : []),
    // `auto` would outgrow the container's memory on a machine with many cores.
    'worker_processes 4;',
    'worker_rlimit_nofile 8192;',
    'pid /run/nginx/nginx.pid;',
    'error_log stderr error;',
    ['events {', 'worker_connections 4096;', '}'],
  ];
}

function httpBlock({ network }: FrontInput): Lines {
  return [
    // The path without its query: authorization codes and other people's tokens travel there.
    ['map $request_uri $logged_path {', `"~^(?<plain>[/${PATH_CHARACTERS}]*)" $plain;`, '}'],
    `log_format access escape=json '{"time":"$time_iso8601","client":"$remote_addr","host":"$host","method":"$request_method",'`,
    `  '"path":"$logged_path","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'`,
    `  '"upstream":"$upstream_addr","upstreamStatus":"$upstream_status","upstreamSeconds":"$upstream_response_time","agent":"$http_user_agent"}';`,
    'access_log /dev/stdout access;',
    'server_tokens off;',
    'default_type application/octet-stream;',
    // One directory, owned by the worker's user from the start: a master without CAP_CHOWN cannot hand it over.
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((use) => `${use}_temp_path /var/cache/nginx;`),
    `client_max_body_size ${BODY_LIMIT};`,
    `client_body_buffer_size ${BODY_LIMIT};`,
    // Access tokens with many roles outgrow the default of 8k.
    'large_client_header_buffers 4 32k;',
    'client_header_timeout 20s;',
    // Docker's own DNS: a container that was replaced is found again within seconds.
    ...(network === 'bridge' ? ['resolver 127.0.0.11 valid=2s ipv6=off;', 'resolver_timeout 5s;'] : []),
  ];
}

// Mozilla's "intermediate" for ECDSA certificates. The curves stay OpenSSL's default, which prefers a post-quantum group where it has one.
const tlsSettings: Lines = [
  // With a variable in their path, files are read at each handshake: a renewed certificate is served without a reload.
  ['map "" $certificate_directory {', 'default /run/nginx/certificate;', '}'],
  'ssl_certificate $certificate_directory/fullchain.pem;',
  'ssl_certificate_key $certificate_directory/privkey.pem;',
  'ssl_protocols TLSv1.2 TLSv1.3;',
  'ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;',
  'ssl_prefer_server_ciphers off;',
  'ssl_session_cache shared:tls:10m;',
  'ssl_session_timeout 1d;',
  'ssl_session_tickets off;',
];

/** Fixed addresses get a pool of kept connections. Names in a bridge network are resolved per request instead (see `proxyPass`). */
function upstreams({ network, upstreams }: FrontInput): Lines {
  if (network === 'bridge') return [];
  return Object.entries(upstreams).map(([name, origin]) => [
    `upstream ${name} {`,
    `server ${new URL(origin).host};`,
    'keepalive 32;',
    // Shorter than Node's 5 s: a connection that the other end closes while a POST is on its way would be a 502.
    'keepalive_timeout 4s;',
    '}',
  ]);
}

const pathMaps: Lines = [['map $request_uri $plain_path {', 'default 0;', `"${PLAIN_PATH}" 1;`, '}']];

function listen({ network }: FrontInput, parameters: string): Lines {
  return [`listen ${parameters};`, ...(network === 'host' ? [`listen [::]:${parameters};`] : [])];
}

function challengeLocation({ endpoints }: FrontInput): Lines {
  return [`location ^~ ${endpoints.challengePath} {`, 'root /certificates/challenge;', 'default_type text/plain;', '}'];
}

function waitingServer(input: FrontInput): Lines {
  return [
    'server {',
    ...listen(input, '80 default_server'),
    challengeLocation(input),
    ['location / {', 'default_type text/plain;', 'add_header Retry-After 5 always;', `return 503 'Waiting for the first certificate.\\n';`, '}'],
    '}',
  ];
}

function redirectServers(input: FrontInput): Lines {
  return input.endpoints.hosts.map((host) => [
    'server {',
    ...listen(input, '80'),
    `server_name ${host};`,
    challengeLocation(input),
    // 308 keeps the method. The target is written out: a client's Host header never ends up in a redirect.
    ['location / {', `return 308 https://${authority(input, host)}$request_uri;`, '}'],
    '}',
  ]);
}

/** Scanners and rebinding names: neither a certificate nor a route is shown to whoever asks for a host that is not ours. */
function unknownHostServers(input: FrontInput): Lines {
  const refuse = ['default_type text/plain;', `return 421 'Misdirected request.\\n';`];
  return [
    ['server {', ...listen(input, '80 default_server'), ...refuse, '}'],
    ['server {', ...listen(input, '443 ssl default_server'), 'ssl_reject_handshake on;', ...refuse, '}'],
  ];
}

function authority({ endpoints }: FrontInput, host: string): string {
  return endpoints.port === 443 ? host : `${host}:${endpoints.port}`;
}

function hostServer(input: FrontInput, host: string): Lines {
  return [
    'server {',
    ...listen(input, '443 ssl'),
    'http2 on;',
    `server_name ${host};`,
    ...responseHeaders(input.hsts),
    ...hiddenHeaders(),
    ...forwardedHeaders(authority(input, host), input.endpoints.port),
    'proxy_http_version 1.1;',
    'proxy_redirect off;',
    'proxy_connect_timeout 3s;',
    // Keycloak's headers (cookies, CSP) outgrow the default; answers never touch the disk.
    'proxy_buffer_size 16k;',
    'proxy_buffers 8 16k;',
    'proxy_max_temp_file_size 0;',
    // A backend must not steer nginx to an internal location or switch its limits.
    'proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Charset;',
    ['if ($plain_path = 0) {', 'return 404;', '}'],
    ['location / {', 'return 404;', '}'],
    ...routeTable(input.endpoints)
      .filter((route) => route.host === host)
      .map((route) => location(input, route)),
    ...errorAnswers(input.hsts),
    '}',
  ];
}

function location(input: FrontInput, route: Route): Lines {
  // A prefix is a regular expression: nginx answers a prefix location without its trailing slash with a redirect.
  const opening = route.match === 'exact' ? `location = ${route.path} {` : `location ~ ^${route.path.replaceAll('.', '\\.')} {`;
  return [opening, ...treatment(input, route), proxyPass(input, route), '}'];
}

function treatment(input: FrontInput, route: Route): Lines {
  const headers = [...responseHeaders(input.hsts, route), ...hiddenHeaders(route)];
  switch (route.kind) {
    case 'mcp':
      return [...headers, `client_max_body_size ${MCP_BODY_LIMIT};`, 'proxy_request_buffering off;', 'proxy_buffering off;', `proxy_read_timeout ${MCP_READ_TIMEOUT};`];
    case 'metadata':
    case 'registration':
      return [...headers, ['if ($request_method = OPTIONS) {', 'return 204;', '}']];
    case 'sign-in':
      return [];
  }
}

/** A proxy_pass with a variable in it is resolved at each request; nginx then takes the path from here, not from its location. */
function proxyPass({ network, upstreams }: FrontInput, route: Route): string {
  const origin = network === 'bridge' ? upstreams[route.destination] : `http://${route.destination}`;
  return `proxy_pass ${origin}${route.match === 'exact' ? route.upstreamPath : '$uri'}$is_args$args;`;
}

// On a socket that only this container can reach; there is none before TLS is served.
const healthServer: Lines = ['server {', 'listen unix:/run/nginx/health.sock;', 'access_log off;', 'default_type text/plain;', `return 200 'serving\\n';`, '}'];
