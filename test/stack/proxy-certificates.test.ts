import { X509Certificate } from 'node:crypto';
import { Agent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaFixture } from './proxy-ca.ts';
import { until } from './proxy-containers.ts';
import { FrontFixture } from './proxy-front.ts';
import { underLoad } from './under-load.ts';

// Certificates of 40 s: certbot renews those of under ten days at half their lifetime.
const lifetimeSeconds = 40;

describe('certificates from a real Pebble', () => {
  const fixture = new FrontFixture();
  const ca = new CaFixture(fixture);
  const published = (name: string) => ca.published(name);

  beforeAll(async () => {
    await fixture.start();
    await ca.startPebble(lifetimeSeconds);
    await ca.startCertificates();
  });
  afterAll(() => ca.remove());

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

  it('are renewed before they expire, several times under load, with no failed request and no broken stream', async () => {
    const stream = fixture.get('/mcp?stream=60000');
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    // Half of them on kept connections, half with a handshake each.
    const request = async (lane: number) => {
      await fixture.echo('/mcp', { agent: lane < 4 ? agent : new Agent() });
      // No faster: each takes one of the front's ports toward the echo, for a minute.
      await delay(40);
    };
    const served: { serial: string; at: number }[] = [];
    const watch = async () => {
      const serial = await fixture.servedSerial();
      if (serial !== served.at(-1)?.serial) served.push({ serial, at: Date.now() });
      return served.length > 3;
    };
    expect(await underLoad(8, request, () => until('three renewals are served', watch, 90))).toBeGreaterThan(1000);
    agent.destroy();
    expect((await stream).text).toBe('firstlast');
    // Each at half the lifetime of the one before, but for the first, which was there already.
    for (const [index, { at }] of served.slice(2).entries()) {
      const seconds = (at - served[index + 1]!.at) / 1000;
      expect(seconds).toBeGreaterThan(lifetimeSeconds / 2 - 5);
      expect(seconds).toBeLessThan(lifetimeSeconds - 5);
    }
  }, 150_000);

  it('stay when a renewal fails, which is logged with its reason and the time of the next attempt', async () => {
    await ca.pebble.stop({ t: 0 });
    await until('a failure is logged', async () => (await ca.events('certificate-failed')).some(({ certificate }) => certificate!.startsWith('kept')), 60);
    const serial = new X509Certificate(await published('fullchain.pem')).serialNumber;
    const failure = (await ca.events('certificate-failed')).at(-1)!;
    expect(failure).toMatchObject({ level: 'error', names: ['localhost'], reason: expect.stringMatching(/refused|unreachable|connect/i), certificate: expect.stringMatching(/^kept, expires 20/) });
    expect(Date.parse(failure.nextAttempt!)).toBeGreaterThan(Date.parse(failure.time!) - 1000);
    expect(await fixture.servedSerial()).toBe(serial);
  });

  it('come from a restarted Pebble too, which knows no account and has another root', async () => {
    const before = await published('ca.pem');
    await ca.pebble.start();
    await until('a certificate of the new root is published', async () => (await published('ca.pem')) !== before, 60);
    const serial = new X509Certificate(await published('fullchain.pem')).serialNumber;
    await until('the front serves it', async () => (await fixture.servedSerial()) === serial);
  });

  it('are issued again after the loop was killed at any moment', async () => {
    for (const milliseconds of [300, 900, 1500, 2100]) {
      await ca.certificates.stop({ t: 0 });
      await ca.onAcme('rm -rf /acme/live /acme/archive /acme/renewal');
      await ca.certificates.start();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await ca.certificates.kill();
      await ca.certificates.start();
      const since = (await ca.events('certificate-published')).length;
      await until('a certificate is published', async () => (await ca.events('certificate-published')).length > since, 60);
    }
  });
});
