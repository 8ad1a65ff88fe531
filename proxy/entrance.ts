import type { Lines } from './blocks.ts';
import { authority, type FrontInput } from './front.ts';

/** Where requests come in: what is said once, what is said of each host, and who answers for hosts that are not ours. */
export interface Entrance {
  readonly settings: Lines;
  readonly ofHost: (host: string) => Lines;
  readonly others: Lines;
}

export const entrance = (input: FrontInput): Entrance => (input.connectorPort === undefined ? tls(input) : connector(input, input.connectorPort));

function tls(input: FrontInput): Entrance {
  return {
    settings: tlsSettings,
    ofHost: () => [...listen(input, '443 ssl'), 'http2 on;'],
    others: [
      ...redirectServers(input),
      ['server {', ...listenFirst(input, '80 default_server'), ...misdirected, '}'],
      ['server {', ...listenFirst(input, '443 ssl default_server'), 'ssl_reject_handshake on;', ...misdirected, '}'],
    ],
  };
}

/**
 * TLS ends at the tunnel's edge. HTTP/1.1 with kept connections is what the connector speaks to plain origins. Unless the zone is set to
 * "Always Use HTTPS", which no new one is, plain http comes through as well: nothing is served over it.
 */
function connector(input: FrontInput, port: number): Entrance {
  const listen = `listen 127.0.0.1:${port}`;
  return { settings: [], ofHost: (host) => [`${listen};`, ['if ($http_x_forwarded_proto = http) {', toHttps(input, host), '}']], others: [['server {', `${listen} default_server reuseport;`, ...misdirected, '}']] };
}

// Scanners and rebinding names: neither a certificate nor a route is shown to whoever asks for a host that is not ours.
const misdirected: Lines = ['default_type text/plain;', `return 421 'Misdirected request.\\n';`];

/** Before there is a certificate. */
export function waitingServer(input: FrontInput): Lines {
  return [
    'server {',
    ...listenFirst(input, '80 default_server'),
    challengeLocation(input),
    ['location / {', 'default_type text/plain;', 'add_header Retry-After 5 always;', `return 503 'Waiting for the first certificate.\\n';`, '}'],
    '}',
  ];
}

// Mozilla's "intermediate" for ECDSA certificates. The curves stay OpenSSL's default, which prefers a post-quantum group where it has one.
const tlsSettings: Lines = [
  // With a variable in their path, files are read at each handshake: a renewed certificate is served without a reload. nginx looks up
  // once in a handshake which directory the link leads to, and keeps that for both files: a link that is moved in between would give
  // a certificate with the key of another. What it looks up is an empty directory beside them: a root is what a location without an
  // upstream would serve.
  'root /run/nginx/certificate/empty;',
  ['map $realpath_root $certificate_directory {', '~^(?<pair>.+)/empty$ $pair;', '}'],
  'ssl_certificate $certificate_directory/fullchain.pem;',
  'ssl_certificate_key $certificate_directory/privkey.pem;',
  'ssl_protocols TLSv1.2 TLSv1.3;',
  'ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;',
  'ssl_prefer_server_ciphers off;',
  'ssl_session_cache shared:tls:10m;',
  'ssl_session_timeout 1d;',
  'ssl_session_tickets off;',
];

function listen({ network }: FrontInput, parameters: string): Lines {
  return [`listen ${parameters};`, ...(network === 'host' ? [`listen [::]:${parameters};`] : [])];
}

/** The one of a port's servers that says how to listen. On the host's network another front may listen beside this one, to take over. */
function listenFirst(input: FrontInput, parameters: string): Lines {
  return listen(input, input.network === 'host' ? `${parameters} reuseport` : parameters);
}

function challengeLocation({ endpoints }: FrontInput): Lines {
  return [`location ^~ ${endpoints.challengePath} {`, 'root /certificates/challenge;', 'default_type text/plain;', '}'];
}

function redirectServers(input: FrontInput): Lines {
  return input.endpoints.hosts.map((host) => [
    'server {',
    ...listen(input, '80'),
    `server_name ${host};`,
    challengeLocation(input),
    ['location / {', toHttps(input, host), '}'],
    '}',
  ]);
}

/** 308 keeps the method. The target is written out: a client's Host header never ends up in a redirect. */
const toHttps = (input: FrontInput, host: string): string => `return 308 https://${authority(input, host)}$request_uri;`;
