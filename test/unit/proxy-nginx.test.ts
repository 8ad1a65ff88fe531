import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { renderNginx } from '../../proxy/nginx.ts';

const endpointsOf = (raw: Record<string, unknown>) => deriveEndpoints(parseConfig(raw));

const local = renderNginx({
  endpoints: endpointsOf({ profile: 'local' }),
  network: 'bridge',
  upstreams: { server: 'http://server:8080', authorizationServer: 'http://keycloak:8080' },
  hsts: false,
});
const production = renderNginx({
  endpoints: endpointsOf({ host: 'mcp.example.org' }),
  network: 'host',
  upstreams: { server: 'http://127.0.0.1:18080', authorizationServer: 'http://127.0.0.1:18081' },
  hsts: true,
});

/** The lines of the innermost block that opens with `opening`, unindented, comments and all. */
function block(text: string, opening: string): string[] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.trim() === `${opening} {`);
  if (start < 0) throw new Error(`no block ${opening}`);
  const indent = lines[start]!.length - lines[start]!.trimStart().length;
  const end = lines.findIndex((line, index) => index > start && line === `${' '.repeat(indent)}}`);
  return lines.slice(start + 1, end).map((line) => line.trim());
}

describe('the waiting configuration', () => {
  it('is this text', () => {
    expect(local.waiting).toBe(String.raw`worker_processes 4;
worker_rlimit_nofile 16384;
worker_shutdown_timeout 10m;
pid /run/nginx/nginx.pid;
error_log stderr error;
events {
  worker_connections 12288;
}
http {
  map $request_uri $logged_path {
    "~^(?<plain>[/A-Za-z0-9._~@-]*)" $plain;
  }
  log_format access escape=json '{"time":"$time_iso8601","client":"$remote_addr","host":"$host","method":"$request_method",'
    '"path":"$logged_path","protocol":"$server_protocol","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstreamStatus":"$upstream_status","upstreamSeconds":"$upstream_response_time","agent":"$http_user_agent"}';
  access_log /dev/stdout access;
  server_tokens off;
  default_type application/octet-stream;
  client_body_temp_path /var/cache/nginx;
  proxy_temp_path /var/cache/nginx;
  fastcgi_temp_path /var/cache/nginx;
  uwsgi_temp_path /var/cache/nginx;
  scgi_temp_path /var/cache/nginx;
  client_max_body_size 128k;
  client_body_buffer_size 128k;
  large_client_header_buffers 4 32k;
  client_header_timeout 20s;
  resolver 127.0.0.11 valid=2s ipv6=off;
  resolver_timeout 5s;
  server {
    listen 80 default_server;
    location ^~ /.well-known/acme-challenge/ {
      root /certificates/challenge;
      default_type text/plain;
    }
    location / {
      default_type text/plain;
      add_header Retry-After 5 always;
      return 503 'Waiting for the first certificate.\n';
    }
  }
}
`);
  });

  it('listens on no port but 80', () => {
    expect([...production.waiting.matchAll(/listen (.*);/g)].map(([, what]) => what)).toEqual(['80 default_server reuseport', '[::]:80 default_server reuseport']);
  });
});

describe('the serving configuration', () => {
  it('treats the MCP path as a stream that may be silent for 360 s, with bodies of up to 4 MB', () => {
    for (const path of ['/mcp', '/mcp/'])
      expect(block(local.serving, `location = ${path}`).slice(-5)).toEqual([
        'client_max_body_size 4m;',
        'proxy_request_buffering off;',
        'proxy_buffering off;',
        'proxy_read_timeout 360s;',
        'proxy_pass http://server:8080/mcp$is_args$args;',
      ]);
  });

  it('passes each route of Keycloak on and nothing else', () => {
    const passes = [...local.serving.matchAll(/location (.*) \{(?:(?!location)[^])*?proxy_pass http:\/\/keycloak:8080(.*);/g)].map(([, from, to]) => `${from} → ${to}`);
    expect(passes).toEqual([
      '= /.well-known/oauth-authorization-server/auth/realms/main → /auth/.well-known/oauth-authorization-server/realms/main$is_args$args',
      '= /.well-known/openid-configuration/auth/realms/main → /auth/realms/main/.well-known/openid-configuration$is_args$args',
      '= /auth/realms/main/.well-known/openid-configuration → /auth/realms/main/.well-known/openid-configuration$is_args$args',
      '= /.well-known/oauth-authorization-server → /auth/.well-known/oauth-authorization-server/realms/main$is_args$args',
      '= /auth/realms/main/clients-registrations/openid-connect → /auth/realms/main/clients-registrations/openid-connect$is_args$args',
      ...['auth', 'token', 'certs', 'userinfo', 'revoke', 'logout'].map(
        (name) => `= /auth/realms/main/protocol/openid-connect/${name} → /auth/realms/main/protocol/openid-connect/${name}$is_args$args`,
      ),
      '~ ^/auth/realms/main/protocol/openid-connect/logout/ → $uri$is_args$args',
      '~ ^/auth/realms/main/login-actions/ → $uri$is_args$args',
      '~ ^/auth/resources/ → $uri$is_args$args',
    ]);
    expect(block(local.serving, 'location /')).toEqual(['return 308 https://localhost:8443$request_uri;']);
    expect(local.serving).toContain('    location / {\n      return 404;\n    }\n');
  });

  it('replaces X-Forwarded-For, never appends to it, and states the public host, port and scheme', () => {
    expect(local.serving).not.toContain('$proxy_add_x_forwarded_for');
    expect([...local.serving.matchAll(/proxy_set_header (Host|X-Forwarded-(?:For|Proto|Host|Port)) (.*);/g)].map(([, name, value]) => `${name}: ${value}`)).toEqual([
      'Host: localhost:8443',
      'X-Forwarded-For: $remote_addr',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: localhost:8443',
      'X-Forwarded-Port: 8443',
    ]);
  });

  it('speaks TLS 1.2 and 1.3 with the ciphers of Mozilla’s intermediate set', () => {
    expect(production.serving).toContain('ssl_protocols TLSv1.2 TLSv1.3;');
    expect(production.serving).toMatch(/ssl_ciphers (ECDHE-(ECDSA|RSA)-(AES128-GCM-SHA256|AES256-GCM-SHA384|CHACHA20-POLY1305):?){6};/);
  });

  it('reads the certificate at each handshake, so that renewal needs no reload', () => {
    expect(production.serving).toContain('ssl_certificate $certificate_directory/fullchain.pem;');
    // Not the directory of the key: a location without an upstream would hand it out.
    expect(new Set(production.serving.match(/(?<=^ *)root .*/gm))).toEqual(new Set(['root /run/nginx/certificate/empty;', 'root /certificates/challenge;']));
  });

  it('sends HSTS in production, for the host alone, and never in profile local', () => {
    expect(production.serving).toContain('add_header Strict-Transport-Security max-age=31536000 always;');
    expect(production.serving).not.toContain('includeSubDomains');
    expect(local.serving).not.toContain('add_header Strict-Transport-Security');
  });

  it('redirects plain HTTP to the public origin and never to a host that the client names', () => {
    expect(production.serving).toContain('return 308 https://mcp.example.org$request_uri;');
    expect(local.serving + production.serving).not.toMatch(/return 30\d .*\$(http_)?host/);
  });

  it('resolves container names at each request in a bridge network', () => {
    expect(local.serving).toContain('resolver 127.0.0.11 valid=2s ipv6=off;');
    expect(local.serving).not.toContain('upstream ');
    expect(local.serving).not.toMatch(/proxy_pass [^$]*;/);
  });

  it('keeps connections to fixed addresses on the host’s network, where workers are not root and both families are served', () => {
    expect(block(production.serving, 'upstream server')).toEqual(['server 127.0.0.1:18080 max_fails=0;', 'keepalive 32;', 'keepalive_timeout 4s;']);
    expect(production.serving).toContain('proxy_pass http://server/mcp$is_args$args;');
    expect(production.serving).toMatch(/^user nginx;$/m);
    expect(production.serving).toContain('listen [::]:443 ssl;');
    expect(production.serving).not.toContain('resolver');
  });

  it('listens nowhere but on 80, 443 and a socket of its own', () => {
    expect([...new Set([...local.serving.matchAll(/listen (.*);/g)].map(([, what]) => what))]).toEqual([
      '80',
      '80 default_server',
      '443 ssl default_server',
      '443 ssl',
      'unix:/run/nginx/health.sock',
    ]);
  });

  it('logs no query, referrer, cookie or token', () => {
    for (const text of [local.serving, local.waiting]) expect(/log_format[^;]*;/.exec(text)![0]).not.toMatch(/\$request["' ]|\$request_uri|\$args|\$query_string|referer|cookie|authorization/);
  });

  it('serves each host on its own in the layout subdomains', () => {
    const { serving } = renderNginx({
      endpoints: endpointsOf({ host: 'example.org', layout: 'subdomains' }),
      network: 'host',
      upstreams: { server: 'http://127.0.0.1:1', authorizationServer: 'http://127.0.0.1:2' },
      hsts: true,
    });
    const [mcp, auth] = serving.split('http2 on;').slice(1);
    expect(mcp).toContain('server_name mcp.example.org;');
    expect(mcp!.match(/http:\/\/authorizationServer\S*/g)).toEqual(['http://authorizationServer/auth/.well-known/oauth-authorization-server/realms/main$is_args$args;']);
    expect(auth).toContain('server_name auth.example.org;');
    expect(auth).not.toContain('location = /mcp');
  });

  it('holds 5,000 streams in any one worker, which are two connections each', () => {
    expect(Number(/worker_connections (\d+);/.exec(production.serving)![1])).toBeGreaterThan(10_000);
    expect(Number(/worker_rlimit_nofile (\d+);/.exec(production.serving)![1])).toBeGreaterThan(12_288);
  });

  it('lets no client say who it is: the gateway’s identity headers are taken away', () => {
    for (const name of ['Subject', 'Username', 'Client', 'Scopes', 'Expires', 'Identity'])
      for (const { serving } of [local, production]) expect(serving).toContain(`proxy_set_header Drawbridge-${name} "";`);
  });

  it.each(['missing', 'too_large', 'unavailable', 'timed_out'])('says what happened (%s) to programs in JSON, and to people on a page that says what to do next and loads nothing', (name) => {
    const answer = (form: string) => /return \d+ '(.*)\\n';/.exec(block(local.serving, `location @${name}_${form}`).at(-1)!)![1]!;
    expect(JSON.parse(answer('json'))).toEqual({ error: expect.any(String), error_description: expect.any(String) });
    const page = answer('page');
    expect(page).toMatch(/^<!doctype html><html lang="en">.*<meta name="viewport".*<title>(.+)<\/title>.*<h1>\1<\/h1><p>.*(Close this page and start again|close this page and start again|close it and start again|Go back)/);
    expect(page).not.toMatch(/https?:|src=|<link|<script/);
  });

  it('answers in place of a Keycloak that starts, on every route to it but that of registration, whose 503 says more; all else that it answers stays its own', () => {
    const { authorizationServer } = endpointsOf({ host: 'mcp.example.org' });
    const passing = [...production.serving.matchAll(/location (?:=|~) (\S+) \{((?:(?!location)[^])*?)\n {4}\}/g)].flatMap(([, path, inside]) => (inside!.includes('proxy_next_upstream error http_503 non_idempotent;') ? [path!] : []));
    expect(passing).toEqual([...authorizationServer!.metadataPaths.map(({ path }) => path), ...authorizationServer!.exactPaths, ...authorizationServer!.prefixPaths.map((path) => `^${path}`)]);
    expect(block(production.serving, 'upstream authorizationServer')).toEqual(expect.arrayContaining([expect.stringMatching(/^server 127\.0\.0\.1:\d+ max_fails=0;$/), 'server unix:/run/nginx/nobody.sock backup;']));
    expect(production.serving).not.toContain('proxy_intercept_errors');
  });

  it('treats each of several servers as a stream', () => {
    const servers = ['files', 'git'].map((name) => ({ name, path: `/team/${name}`, scopes: [name] }));
    const { serving } = renderNginx({ endpoints: endpointsOf({ profile: 'local', servers }), network: 'bridge', upstreams: { server: 'http://server:8080', authorizationServer: 'http://keycloak:8080' }, hsts: false });
    for (const path of ['/team/files', '/team/files/', '/team/git', '/team/git/'])
      expect(block(serving, `location = ${path}`)).toEqual(expect.arrayContaining(['proxy_buffering off;', `proxy_pass http://server:8080${path.replace(/\/$/, '')}$is_args$args;`]));
  });

  it('knows no Keycloak where there is none', () => {
    const { serving } = renderNginx({ endpoints: endpointsOf({ host: 'mcp.example.org', auth: 'bearer' }), network: 'host', upstreams: { server: 'http://127.0.0.1:18080', authorizationServer: 'http://127.0.0.1:18081' }, hsts: true });
    expect(serving).not.toMatch(/authorizationServer|18081/);
    expect(serving).toContain('upstream server {');
  });
});

describe('who may call, by address', () => {
  const servers = ['files', 'git'].map((name) => ({ name, path: `/${name}`, scopes: [name] }));
  const render = (lists: { callers?: string[]; trustedProxies?: string[] }) =>
    renderNginx({ endpoints: endpointsOf({ host: 'mcp.example.org', servers }), network: 'host', upstreams: { server: 'http://127.0.0.1:1', authorizationServer: 'http://127.0.0.1:2' }, hsts: true, ...lists }).serving;

  it('is decided on the paths of every server, and on no other', () => {
    const text = render({ callers: ['160.79.104.0/21', '2001:db8::/32'] });
    const closed = [...text.matchAll(/location (.*) \{\n((?:(?!location)[^])*?)\n {4}\}/g)].filter(([, , inside]) => inside!.includes('deny all;'));
    expect(closed.map(([, path]) => path)).toEqual(['= /files', '= /files/', '= /git', '= /git/']);
    for (const [, , inside] of closed) expect(inside).toMatch(/ allow 160\.79\.104\.0\/21;\n *allow 2001:db8::\/32;\n *deny all;/);
  });

  it('is everyone where there is no list', () => {
    expect(render({})).not.toMatch(/^\s*(allow|deny) /m);
  });

  it('looks behind trusted proxies, and behind no other', () => {
    expect(render({ trustedProxies: ['10.0.0.0/8', 'fd00::/8'] })).toContain('  set_real_ip_from 10.0.0.0/8;\n  set_real_ip_from fd00::/8;\n  real_ip_header X-Forwarded-For;\n  real_ip_recursive on;\n');
    expect(render({})).not.toContain('real_ip');
  });
});

describe('behind a tunnel', () => {
  const behind = (differing: { callers?: string[]; trustedProxies?: string[] } = {}) =>
    renderNginx({ endpoints: endpointsOf({ host: 'mcp.example.org' }), network: 'host', connectorPort: 18086, upstreams: { server: 'http://127.0.0.1:18080', authorizationServer: 'http://127.0.0.1:18081' }, hsts: true, ...differing });
  const { serving, waiting } = behind();

  it('listens on one port of loopback alone, which another front may share to take over', () => {
    expect([...serving.matchAll(/listen (.*);/g)].map(([, where]) => where)).toEqual(['127.0.0.1:18086 default_server reuseport', '127.0.0.1:18086', 'unix:/run/nginx/health.sock']);
  });

  it('has no certificate and no ACME challenge, and so nothing to wait for', () => {
    expect(serving).not.toMatch(/ssl|http2|acme/);
    expect(waiting).toBe(serving);
  });

  it('serves nothing that came to the edge over plain http, and leads it to https', () => {
    expect(serving).toContain('    if ($http_x_forwarded_proto = http) {\n      return 308 https://mcp.example.org$request_uri;\n    }\n');
    expect(serving.match(/30[0-9] https/g)).toHaveLength(1);
  });

  it('needs no root: its port is above 1024', () => {
    expect(serving).not.toContain('user nginx;');
  });

  it('takes the client’s address from Cloudflare, and from the connector alone', () => {
    expect(serving).toContain('  set_real_ip_from 127.0.0.1;\n  real_ip_header CF-Connecting-IP;\n');
    expect(behind({ trustedProxies: ['10.0.0.0/8'] }).serving).toBe(serving);
    expect(serving.match(/set_real_ip_from/g)).toHaveLength(1);
    expect(serving).toContain('proxy_set_header CF-Connecting-IP "";');
  });

  it('treats hosts, routes, bodies, registrations, callers and errors as the front with TLS does', () => {
    const inside = (text: string) => block(text.slice(text.indexOf('    server_name mcp.example.org;\n    set $draining')).replace(/^/, '  server {\n'), 'server');
    const callers = ['160.79.104.0/21'];
    const direct = renderNginx({ endpoints: endpointsOf({ host: 'mcp.example.org' }), network: 'host', upstreams: { server: 'http://127.0.0.1:18080', authorizationServer: 'http://127.0.0.1:18081' }, hsts: true, callers }).serving;
    expect(inside(behind({ callers }).serving)).toEqual(inside(direct));
    expect(inside(direct)).toContain('proxy_set_header X-Forwarded-Proto https;');
    expect(inside(direct)).toContain('add_header Strict-Transport-Security max-age=31536000 always;');
    expect(block(serving, 'upstream server')).toEqual(block(production.serving, 'upstream server'));
  });

  it('shows nothing to whoever asks for another host', () => {
    expect(serving).toContain(`default_server reuseport;\n    default_type text/plain;\n    return 421 'Misdirected request.\\n';`);
  });
});

describe('metrics of the certificate', () => {
  const render = (metricsPort?: number) => renderNginx({ endpoints: endpointsOf({ host: 'mcp.example.org' }), network: 'host', upstreams: { server: 'http://127.0.0.1:1', authorizationServer: 'http://127.0.0.1:2' }, hsts: true, metricsPort });

  it('are on the host’s loopback alone, before there is a certificate as well', () => {
    for (const text of Object.values(render(18083))) {
      expect([...text.matchAll(/listen (.*18083.*);/g)].map(([, where]) => where)).toEqual(['127.0.0.1:18083 reuseport']);
      expect(text).toMatch(/location = \/metrics \{\n *root \/certificates;/);
    }
  });

  it('are nowhere without a port', () => {
    for (const text of Object.values(render())) expect(text).not.toContain('/metrics');
  });
});

describe('registration', () => {
  const closed = renderNginx({
    endpoints: endpointsOf({ host: 'mcp.example.org', registration: 'closed' }),
    network: 'host',
    upstreams: { server: 'http://127.0.0.1:18080', authorizationServer: 'http://127.0.0.1:18081' },
    hsts: true,
  }).serving;
  const path = '/auth/realms/main/clients-registrations/openid-connect';
  it('is limited for each address, and for each network of an IPv6 one', () => {
    expect(block(production.serving, `location = ${path}`)).toContain('limit_req zone=registration burst=60 nodelay;');
    expect(production.serving).toContain('"~(?s)^(?<network>.{8}).{8}$" $network;');
    expect(production.serving).toContain('limit_req_zone $registering_network zone=registration:1m rate=60r/m;');
  });
  it('is small: whatever a stranger says there is kept', () => {
    expect(block(production.serving, `location = ${path}`)).toContain('client_max_body_size 8k;');
  });
  it('has no route when it is closed, and no document names it', () => {
    expect(closed).not.toContain(`location = ${path}`);
    const removal = `sub_filter '"registration_endpoint":"https://mcp.example.org${path}",' '';`;
    for (const document of endpointsOf({ host: 'mcp.example.org' }).authorizationServer!.metadataPaths) expect(block(closed, `location = ${document.path}`), document.path).toContain(removal);
    expect(production.serving).not.toContain('sub_filter');
  });
});
