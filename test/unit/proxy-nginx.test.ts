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
worker_rlimit_nofile 8192;
pid /run/nginx/nginx.pid;
error_log stderr error;
events {
  worker_connections 4096;
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
    expect([...production.waiting.matchAll(/listen (.*);/g)].map(([, what]) => what)).toEqual(['80 default_server', '[::]:80 default_server']);
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
    expect(block(production.serving, 'upstream server')).toEqual(['server 127.0.0.1:18080;', 'keepalive 32;', 'keepalive_timeout 4s;']);
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
    expect(mcp).not.toContain('http://authorizationServer');
    expect(auth).toContain('server_name auth.example.org;');
    expect(auth).not.toContain('location = /mcp');
  });
});
