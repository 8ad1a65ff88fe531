import { answerMap, errorAnswers } from './answers.ts';
import { type Lines, render } from './blocks.ts';
import { clientAddress } from './callers.ts';
import { type Entrance, entrance, waitingServer } from './entrance.ts';
import { registrationZone } from './flood.ts';
import { authority, type FrontConfiguration, type FrontInput } from './front.ts';
import { forwardedHeaders, hiddenHeaders, responseHeaders } from './headers.ts';
import { locations } from './locations.ts';
import { PATH_CHARACTERS } from './paths.ts';
import { upstreamPools } from './upstreams.ts';

// A sign-in form and a token request are small.
const BODY_LIMIT = '128k';

const PLAIN_PATH = `~^(?:/(?!\\.\\.?(?:[/?]|$))[${PATH_CHARACTERS}]++)*+/?(?:\\?|$)`;

/** Renders the front's configuration. Pure; the text holds no secret. */
export function renderNginx(input: FrontInput): FrontConfiguration {
  const serving = servingText(input);
  // Behind a tunnel there is no certificate to wait for.
  return { waiting: input.connectorPort === undefined ? waitingText(input) : serving, serving };
}

function waitingText(input: FrontInput): string {
  return render([...mainBlock(input), ['http {', ...httpBlock(input), waitingServer(input), ...metricsServer(input), '}']]);
}

function servingText(input: FrontInput): string {
  const way = entrance(input);
  return render([
    ...mainBlock(input),
    [
      'http {',
      ...httpBlock(input),
      ...way.settings,
      ...upstreamPools(input),
      ...pathMaps,
      ...registrationZone,
      ...answerMap,
      ...farewellMap,
      ...way.others,
      ...input.endpoints.hosts.map((host) => hostServer(input, way, host)),
      healthServer,
      ...metricsServer(input),
      '}',
    ],
  ]);
}

function mainBlock({ network, connectorPort }: FrontInput): Lines {
  return [
    // Only a master that is root can bind ports 80 and 443 on the host's network.
    ...(network === 'host' && connectorPort === undefined ? ['user nginx;'] : []),
    // `auto` would outgrow the container's memory on a machine with many cores.
    'worker_processes 4;',
    // A stream takes two connections. Workers do not share them out evenly: each can hold 5,000 streams alone.
    'worker_rlimit_nofile 16384;',
    // Workers of an old configuration finish what they have, and end whatever is still open then.
    'worker_shutdown_timeout 10m;',
    'pid /run/nginx/nginx.pid;',
    'error_log stderr error;',
    ['events {', 'worker_connections 12288;', '}'],
  ];
}

function httpBlock(input: FrontInput): Lines {
  return [
    ...clientAddress(input),
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
    ...(input.network === 'bridge' ? ['resolver 127.0.0.11 valid=2s ipv6=off;', 'resolver_timeout 5s;'] : []),
  ];
}

const pathMaps: Lines = [['map $request_uri $plain_path {', 'default 0;', `"${PLAIN_PATH}" 1;`, '}']];

function hostServer(input: FrontInput, { ofHost }: Entrance, host: string): Lines {
  return [
    'server {',
    ...ofHost(host),
    `server_name ${host};`,
    ...draining,
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
    ...locations(input, host),
    ...errorAnswers(input.hsts),
    '}',
  ];
}

// front.sh makes the file before it ends workers.
const draining: Lines = ['set $draining no;', ['if (-f /run/nginx/draining) {', 'set $draining yes;', '}']];
// HTTP/2 has no such header: there nginx says it with GOAWAY.
const farewellMap: Lines = [['map $server_protocol:$draining $farewell {', `default '';`, '~^HTTP/1.*:yes$ close;', '}']];

/** A file that the certificates container writes. */
function metricsServer({ metricsPort }: FrontInput): Lines {
  if (metricsPort === undefined) return [];
  return [['server {', `listen 127.0.0.1:${metricsPort} reuseport;`, 'access_log off;', ['location = /metrics {', 'root /certificates;', 'default_type text/plain;', '}'], ['location / {', 'return 404;', '}'], '}']];
}

// On a socket that only this container can reach; there is none before TLS is served. front.sh puts in which configuration it is.
const healthServer: Lines = ['server {', 'listen unix:/run/nginx/health.sock;', 'access_log off;', 'default_type text/plain;', `return 200 'CONFIGURATION\\n';`, '}'];
