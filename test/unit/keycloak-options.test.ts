import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { keycloakOptions } from '../../keycloak/options.ts';

const options = keycloakOptions({ baseUrl: 'https://mcp.example.org/auth', database: { host: 'database', database: 'keycloak', username: 'keycloak' } });

test('the public URL is fixed with its path, whatever a request says', () => {
  expect(options).toMatchObject({ KC_HOSTNAME: 'https://mcp.example.org/auth', KC_HOSTNAME_STRICT: 'true' });
});

test('forwarded headers count only when they come from a private network, or from a front on another machine', () => {
  expect(options.KC_PROXY_HEADERS).toBe('xforwarded');
  expect(options.KC_PROXY_TRUSTED_ADDRESSES!.split(',')).toEqual(['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']);
  const elsewhere = keycloakOptions({ baseUrl: '', database: { host: '', database: '', username: '' }, frontAddress: '100.64.0.2' });
  expect(elsewhere.KC_PROXY_TRUSTED_ADDRESSES!.split(',').slice(5)).toEqual(['100.64.0.2']);
});

test('Keycloak itself sends requests to the hosts that are named, and to no other', () => {
  const mappings = (outgoingHosts?: string[]) => keycloakOptions({ baseUrl: '', database: { host: '', database: '', username: '' }, outgoingHosts }).KC_SPI_CONNECTIONS_HTTP_CLIENT__DEFAULT__PROXY_MAPPINGS;
  expect(mappings()).toBe('.*;http://127.0.0.1:9');
  expect(mappings(['github.com', 'api.github.com', 'github.com'])).toBe('github[.]com;NO_PROXY,api[.]github[.]com;NO_PROXY,.*;http://127.0.0.1:9');
});

test('who signs in, refreshes or is refused is logged', () => {
  expect(options.KC_SPI_EVENTS_LISTENER__JBOSS_LOGGING__SUCCESS_LEVEL).toBe('info');
});

test('Keycloak starts in production mode, as it was built', () => {
  expect(readFileSync('keycloak/Dockerfile', 'utf8')).toMatch(/^ENTRYPOINT \["\/opt\/keycloak\/bin\/kc.sh", "start", "--optimized"\]$/m);
});

test('no secret is among them', () => {
  for (const name of Object.keys(options)) expect(name).not.toMatch(/(PASSWORD|SECRET)$/);
});

test('no option of the image’s build is given again, which would make Keycloak build itself anew', () => {
  const buildOptions = [...readFileSync('keycloak/Dockerfile', 'utf8').matchAll(/\b(KC_[A-Z_]+)=/g)].map(([, name]) => name!);
  expect(buildOptions).toEqual(['KC_DB', 'KC_HTTP_RELATIVE_PATH', 'KC_HEALTH_ENABLED', 'KC_HTTP_MANAGEMENT_RELATIVE_PATH']);
  expect(Object.keys(options).filter((name) => buildOptions.includes(name))).toEqual([]);
});
