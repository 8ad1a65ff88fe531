import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaFixture } from './proxy-ca.ts';
import { published, until } from './proxy-containers.ts';
import { FrontFixture } from './proxy-front.ts';

const retryAfterSeconds = 8;
const attemptSeconds = 6;

// Stands before Pebble, and passes everything on as long as it is well.
const moodyCa = `
const https = require('node:https');
let mood = 'well';
require('node:http').createServer((request, response) => { mood = request.url.slice(1); response.end(); }).listen(9000);
const limited = JSON.stringify({ type: 'urn:ietf:params:acme:error:rateLimited', detail: 'too many certificates already issued' });
https.createServer({ key: process.env.PEM, cert: process.env.PEM }, (request, response) => {
  const { url: path, method, headers } = request;
  if (mood === 'hangs') return;
  if (mood === 'errors') return response.writeHead(500).end('broken');
  if (mood === 'limits' && method === 'POST') return response.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '${retryAfterSeconds}' }).end(limited);
  const passed = https.request({ host: 'front', port: 14000, path, method, headers, rejectUnauthorized: false }, (answer) => answer.pipe(response.writeHead(answer.statusCode, answer.headers)));
  request.pipe(passed.on('error', () => response.destroy()));
}).listen(14000);`;

/** Each test takes over what the one before has left. */
describe('a CA that is in trouble never takes the site down', () => {
  const fixture = new FrontFixture();
  const ca = new CaFixture(fixture);
  let control = '';
  let before = '';
  const becomes = (mood: string) => fetch(`${control}/${mood}`);
  const metrics = () => fixture.onCertificates('cat /certificates/metrics');
  const visits: Promise<number>[] = [];
  let visiting: NodeJS.Timeout;

  /** The next failure that is logged, and which the site outlives. */
  const nextFailure = async () => {
    const known = (await ca.events('certificate-failed')).length;
    await until('a failure is logged', async () => (await ca.events('certificate-failed')).length > known, 40);
    expect(await fixture.servedSerial()).toBe(before);
    return (await ca.events('certificate-failed')).at(-1)!;
  };

  beforeAll(async () => {
    await fixture.start();
    // A good certificate that was issued elsewhere: what is asked for now is due at once.
    await fixture.serve();
    before = await fixture.servedSerial();
    await ca.startPebble(86_400);
    const pem = await fixture.onCertificates('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ca -keyout /tmp/key 2>/dev/null; cat /tmp/key');
    const moody = await fixture.startNode(moodyCa, { alias: 'ca', env: { PEM: pem }, ports: [9000] });
    control = `http://127.0.0.1:${await published(moody, 9000)}`;
    await until('the CA listens', () => becomes('errors').then(() => true, () => false));
    visiting = setInterval(() => visits.push(fixture.get('/mcp').then(({ status }) => status, () => 0)), 50);
    await ca.startCertificates({ ACME_DIRECTORY: 'https://ca:14000/dir', ATTEMPT_SECONDS: String(attemptSeconds) });
  });
  afterAll(() => {
    clearInterval(visiting);
    return ca.remove();
  });

  it('that answers 500: the failure is logged, counted, and tried again later', async () => {
    const { reason, certificate, nextAttempt, time } = await nextFailure();
    expect(reason).toMatch(/unexpected error|500/i);
    expect(certificate).toMatch(/^kept, expires 20/);
    expect(Date.parse(nextAttempt!)).toBeGreaterThan(Date.parse(time!));
    await until('it is counted', async () => /^drawbridge_certificate_failed_attempts [1-9]/m.test(await metrics()));
  });

  it(`that answers 429 is left alone for as long as its Retry-After says (RFC 8555 §6.6)`, async () => {
    await becomes('limits');
    let failure = await nextFailure();
    // An attempt may have begun before.
    if (!failure.reason!.includes('too many')) failure = await nextFailure();
    expect(failure.reason).toContain('too many certificates already issued');
    expect(Date.parse(failure.nextAttempt!) - Date.parse(failure.time!)).toBeGreaterThanOrEqual((retryAfterSeconds - 1) * 1000);
    const known = (await ca.events('certificate-failed')).length;
    await becomes('errors');
    await delay((retryAfterSeconds - 3) * 1000);
    expect((await ca.events('certificate-failed')).length).toBe(known);
  });

  it('that never answers is given up on after a while', async () => {
    await becomes('hangs');
    let failure = await nextFailure();
    if (!failure.reason!.includes('did not come')) failure = await nextFailure();
    expect(failure.reason).toBe(`The CA did not come to an end within ${attemptSeconds} s.`);
  });

  it('and once it is well again there is a new certificate, without anyone doing anything', async () => {
    await becomes('well');
    await until('a new certificate is served', async () => (await fixture.servedSerial()) !== before, 60);
    const expires = Date.parse(new X509Certificate(await ca.published('fullchain.pem')).validTo) / 1000;
    await until('metrics say so', async () => (await metrics()).includes(`{name="localhost"} ${expires}\n`));
    expect(await metrics()).toContain('\ndrawbridge_certificate_failed_attempts 0\n');
  });

  it('and not one visitor has noticed', async () => {
    clearInterval(visiting);
    const statuses = await Promise.all(visits);
    expect(statuses.length).toBeGreaterThan(200);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});
