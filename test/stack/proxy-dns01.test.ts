import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaFixture } from './proxy-ca.ts';
import { addresses, logs, published, until } from './proxy-containers.ts';
import { FrontFixture } from './proxy-front.ts';

const token = 'planted-cloudflare-token-4711';
const simulation = readFileSync(join(import.meta.dirname, 'cloudflare-dns.mjs'), 'utf8');

/** Each test takes over what the one before has left. */
describe('DNS-01 through Cloudflare (a simulation of its API, and a real Pebble)', () => {
  const fixture = new FrontFixture();
  const ca = new CaFixture(fixture);
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-proxytest-'));
  let control = '';
  const cloudflare = async () => (await (await fetch(control)).json()) as { records: object[]; calls: string[] };
  const names = async () => new X509Certificate(await ca.published('fullchain.pem')).subjectAltName?.split(', ').sort().join(' ');

  /** A key and a certificate, which vouches for itself. */
  const identity = (host: string) =>
    fixture.onCertificates(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${host} -addext subjectAltName=DNS:${host} -keyout /tmp/key 2>/dev/null; cat /tmp/key`);

  /** The container as a stack has it: neither the CA's TLS nor Cloudflare's goes unverified, and its account is kept. */
  const start = (hosts: string, secret = token) => ca.startCertificates({ NAMES: hosts, CLOUDFLARE_TOKEN: secret, THROWAWAY_CA_ROOT: '', REQUESTS_CA_BUNDLE: '/trusted.pem' }, [`${directory}/trusted.pem:/trusted.pem:ro`]);

  beforeAll(async () => {
    await fixture.start();
    const [api, pebble] = [await identity('api.cloudflare.com'), await identity('front')];
    writeFileSync(join(directory, 'trusted.pem'), [api, pebble].map((pem) => pem.slice(pem.indexOf('-----BEGIN CERTIFICATE'))).join(''), { mode: 0o644 });
    writeFileSync(join(directory, 'pebble.pem'), pebble, { mode: 0o644 });
    const simulated = await fixture.startNode(simulation, { alias: 'api.cloudflare.com', env: { PEM: api, TOKEN: token, ZONE: 'example.test' }, ports: [9000] });
    control = `http://127.0.0.1:${await published(simulated, 9000)}/records`;
    const resolver = `${(await addresses(simulated)).own}:53`;
    await ca.startPebble(6 * 86_400, { entrypoint: ['/app', '-config', '/pebble.json', '-dnsserver', resolver] }, ['certificate', 'key'].map((part) => `${directory}/pebble.pem:/identity/${part}.pem:ro`));
  });
  afterAll(async () => {
    await ca.remove();
    rmSync(directory, { recursive: true });
  });

  it('with a token that Cloudflare refuses fails, and says that it is the token', async () => {
    await start('mcp.example.test', 'another-token-than-this');
    await until('the failure is logged', async () => (await ca.events('certificate-failed')).length > 0, 40);
    expect((await ca.events('certificate-failed'))[0]!.reason).toMatch(/Invalid access token|9109/);
    await ca.certificates.stop();
  });

  it('issues for names that have no address, so that nothing could ask on port 80, and takes its records back', async () => {
    await start('mcp.example.test');
    await until('the certificate is published', async () => (await ca.events('certificate-published')).length > 0, 60);
    expect(await names()).toBe('DNS:mcp.example.test');
    const { records, calls } = await cloudflare();
    expect(records).toEqual([]);
    expect(calls).toContain('POST /client/v4/zones/zone-1/dns_records');
    await ca.certificates.stop();
  });

  it('with another layout there is one certificate with both names, from the same account', async () => {
    const account = await ca.accounts();
    await start('mcp.example.test auth.example.test');
    await until('the certificate is published', async () => (await ca.events('certificate-published')).length > 0, 60);
    expect(await names()).toBe('DNS:auth.example.test DNS:mcp.example.test');
    expect(account).toMatch(/^[0-9a-f]{32}\n$/);
    expect(await ca.accounts()).toBe(account);
    await ca.certificates.stop();
  });

  it('to go back takes up the former certificate, which is of six days and good for three more, and asks the CA for nothing', async () => {
    const asked = (await cloudflare()).calls.length;
    await start('mcp.example.test');
    await until('the certificate is published', async () => (await ca.events('certificate-published')).length > 0, 60);
    expect(await names()).toBe('DNS:mcp.example.test');
    expect((await cloudflare()).calls.length).toBe(asked);
  });

  it('the token is in no log and on no volume', async () => {
    expect(await logs(ca.certificates)).not.toContain(token);
    expect(await ca.onAcme(`grep -rl ${token} /acme || true`)).toBe('');
    expect(await fixture.onCertificates(`grep -rl ${token} /certificates || true`)).toBe('');
  });
});
