import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseImage, logs, until } from './proxy-containers.ts';
import { FrontFixture } from './proxy-front.ts';

// Certificates of 40 s: certbot renews those of under ten days at half their lifetime.
const lifetimeSeconds = 40;

describe('certificates from a real Pebble', () => {
  const fixture = new FrontFixture();
  const { containers } = fixture;
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-proxytest-'));
  let certificates: Docker.Container;
  let pebble: Docker.Container;
  let acme: string;

  const startPebble = async (image: string) => {
    pebble = await containers.run({
      image,
      network: `container:${fixture.front.id}`,
      user: '65534:65534',
      // Valid authorizations are not reused: each renewal has to pass its challenge.
      env: { PEBBLE_AUTHZREUSE: '0' },
      binds: [`${join(directory, 'pebble.json')}:/pebble.json:ro`],
    });
  };
  const events = async (event: string) =>
    (await logs(certificates))
      .split('\n')
      .filter((line) => line.includes(`"${event}"`))
      .map((line) => JSON.parse(line) as Record<string, string>);
  const published = (name: string) => fixture.onCertificates(`cat /certificates/live/${name}`);

  beforeAll(async () => {
    const configuration = JSON.parse(readFileSync('proxy/pebble.json', 'utf8')) as { pebble: { certificateValidityPeriod: number; profiles: { default: { validityPeriod: number } } } };
    configuration.pebble.certificateValidityPeriod = configuration.pebble.profiles.default.validityPeriod = lifetimeSeconds;
    writeFileSync(join(directory, 'pebble.json'), JSON.stringify(configuration), { mode: 0o644 });
    await fixture.start();
    acme = await containers.volume('acme');
    await startPebble(await containers.build('proxy/pebble.Dockerfile', { BASE: await baseImage('pebble'), TOOLS: await baseImage('nginx') }));
    certificates = await containers.run({
      image: await containers.build('proxy/certificates.Dockerfile', { BASE: await baseImage('certbot') }),
      network: await containers.network(),
      user: '101:0',
      env: {
        ACME_DIRECTORY: 'https://front:14000/dir',
        THROWAWAY_CA_ROOT: 'https://front:15000/roots/0',
        NAMES: 'localhost',
        RENEW_CHECK_SECONDS: '3',
        RETRY_SECONDS: '1',
      },
      tmpfs: { '/tmp': '' },
      binds: [`${fixture.certificates}:/certificates`, `${acme}:/acme`],
    });
  });
  afterAll(async () => {
    await containers.remove();
    rmSync(directory, { recursive: true });
  });

  it('are issued and served by themselves, with the root that signed them next to them', async () => {
    await until('the front is healthy', () => fixture.healthy(), 60);
    const [chain, root] = [await published('fullchain.pem'), new X509Certificate(await published('ca.pem'))];
    const [leaf, intermediate] = chain.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
    expect(leaf!.checkHost('localhost')).toBe('localhost');
    expect([leaf!.checkIssued(intermediate!), intermediate!.checkIssued(root), root.ca]).toEqual([true, true, true]);
    expect((await fixture.get('/mcp', { rejectUnauthorized: true, ca: root.toString() + intermediate!.toString() })).status).toBe(200);
  });

  it('have a key that only the owner and group 0 can read', async () => {
    expect(await fixture.onCertificates('stat -L -c "%u:%g %a" /certificates/live /certificates/live/privkey.pem')).toBe('101:0 750\n101:0 440\n');
  });

  it('are renewed by themselves before they expire', async () => {
    const first = new X509Certificate(await published('fullchain.pem'));
    await until('a renewal is published', async () => new X509Certificate(await published('fullchain.pem')).serialNumber !== first.serialNumber, 60);
    expect(Date.now()).toBeLessThan(Date.parse(first.validTo));
    const renewed = new X509Certificate(await published('fullchain.pem')).serialNumber;
    await until('the front serves it', async () => (await fixture.servedSerial()) === renewed);
  });

  it('stay when a renewal fails, which is logged with its reason and the time of the next attempt', async () => {
    await pebble.stop({ t: 0 });
    await until('a failure is logged', async () => (await events('certificate-failed')).some(({ certificate }) => certificate!.startsWith('kept')), 60);
    const serial = new X509Certificate(await published('fullchain.pem')).serialNumber;
    const failure = (await events('certificate-failed')).at(-1)!;
    expect(failure).toMatchObject({ level: 'error', names: ['localhost'], reason: expect.stringMatching(/refused|unreachable|connect/i), certificate: expect.stringMatching(/^kept, expires 20/) });
    expect(Date.parse(failure.nextAttempt!)).toBeGreaterThan(Date.parse(failure.time!) - 1000);
    expect(await fixture.servedSerial()).toBe(serial);
  });

  it('come from a restarted Pebble too, which knows no account and has another root', async () => {
    const before = await published('ca.pem');
    await pebble.start();
    await until('a certificate of the new root is published', async () => (await published('ca.pem')) !== before, 60);
    const serial = new X509Certificate(await published('fullchain.pem')).serialNumber;
    await until('the front serves it', async () => (await fixture.servedSerial()) === serial);
  });

  it('are issued again after the loop was killed at any moment', async () => {
    for (const milliseconds of [300, 900, 1500, 2100]) {
      await certificates.stop({ t: 0 });
      const forget = ['sh', '-c', 'rm -rf /acme/live /acme/archive /acme/renewal'];
      await containers.once({ image: (await certificates.inspect()).Image, network: 'none', user: '101:0', entrypoint: forget, binds: [`${acme}:/acme`] });
      await certificates.start();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await certificates.kill();
      await certificates.start();
      const since = (await events('certificate-published')).length;
      await until('a certificate is published', async () => (await events('certificate-published')).length > since, 60);
    }
  });
});
