import { lookup } from 'node:dns/promises';
import { describe, it } from 'vitest';
import { isOverdue } from '../../cli/status/judge.ts';
import { ask, inWords, reasonOf } from './ask.ts';
import { demand, type FindingError, notLookedAt } from './finding.ts';
import { type Handshake, needsTheWayIn, shakeHands } from './handshake.ts';
import { config, endpoints, status, up } from './subject.ts';

const { hosts, port, servers } = endpoints;
/** What is wrong with a certificate that has checks of its own. */
const OF_TIME = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];
const OF_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

describe.each(hosts)('The way in: %s', { concurrent: true }, (host) => {
  const certificates = `\`docker logs --tail 20\` of the container certificates says why; ${status}`;
  let shaken: Promise<Handshake> | undefined;
  const handshake = () => (shaken ??= shakeHands(host));

  it('has a name that leads where the config says', async () => {
    const found = await lookup(host, { all: true }).then((all) => all.map(({ address }) => address), (error: Error) => error.message);
    const remedy = 'Set the DNS records of the name, or wait until resolvers have forgotten the old ones.';
    demand(Array.isArray(found), { expected: `an address of ${host}`, found: String(found), remedy });
    const { tier, publicAddresses } = config;
    if (tier === 'tunnel') demand(!found.some((each) => publicAddresses.includes(each)), { expected: 'addresses of Cloudflare’s', found: found.join(', '), remedy });
    else if (publicAddresses.length > 0) demand(sorted(found) === sorted(publicAddresses), { expected: sorted(publicAddresses), found: sorted(found), remedy });
  });

  it(`answers on port ${port} with TLS`, async () => {
    const problem = await handshake().then(() => undefined, reasonOf);
    demand(problem === undefined, { expected: `TLS on ${host}:${port}`, found: String(problem), remedy: `Is the front running, and is the port open on the way? ${status}` });
  });

  it('has a certificate of a CA that is trusted', async (context) => {
    const { distrust, certificate } = await reached(context);
    const untrusted = distrust !== undefined && distrust !== OF_NAME && !OF_TIME.includes(distrust);
    demand(!untrusted, { expected: 'a chain to a trusted CA', found: `${distrust}, issued by ${certificate.issuer.replaceAll('\n', ', ')}`, remedy: `Is it the staging CA’s, or a chain without its intermediate? ${certificates}` });
  });

  it('has a certificate with its name', async (context) => {
    const { certificate } = await reached(context);
    demand(certificate.checkHost(host) !== undefined, { expected: `the name ${host} in the certificate`, found: certificate.subjectAltName ?? 'no name', remedy: `${up} has one made with the names of the config; ${certificates}` });
  });

  it('has a certificate that is in its time, and renewed in time', async (context) => {
    const { certificate } = await reached(context);
    const [from, until] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
    const remedy = `The certificate was not renewed: ${certificates}`;
    demand(from <= Date.now() && Date.now() < until, { expected: 'a certificate that is valid now', found: `one that is valid from ${certificate.validFrom} until ${certificate.validTo}`, remedy });
    demand(!isOverdue(from, until, Date.now()), { expected: 'renewal by the time that a third of its lifetime is left', found: `one that ends at ${certificate.validTo}`, remedy });
  });

  it('speaks TLS 1.2 and 1.3, and nothing older', async (context) => {
    await reached(context);
    const remedy = config.tier === 'tunnel' ? 'Cloudflare: SSL/TLS → Edge Certificates → Minimum TLS Version 1.2, TLS 1.3 on.' : `Something else than Drawbridge’s front ends TLS here, or its configuration was changed: ${up}`;
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const spoken = await shakeHands(host, { minVersion: version, maxVersion: version }).then(({ protocol }) => protocol, reasonOf);
      demand(spoken === version, { expected: version, found: String(spoken), remedy });
    }
    // OpenSSL itself would not offer it at its usual level.
    const old = await shakeHands(host, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }).then(({ protocol }) => protocol, () => undefined);
    demand(!old, { expected: 'TLS 1.0 and 1.1 refused', found: `${old} spoken`, remedy });
  });

  it('serves nothing over plain http, and leads to https', async (context) => {
    if (config.profile === 'local') notLookedAt(context, 'a stack of profile local has no port 80');
    const target = `https://${host}${servers[0]!.path}`;
    const answer = await ask(target.replace('https:', 'http:')).catch(({ finding }: FindingError) => finding.found);
    const closed = typeof answer === 'string';
    if (closed && (config.tier === 'tunnel' || config.acme.dns01)) return;
    const remedy = config.tier === 'tunnel' ? 'Cloudflare: SSL/TLS → Edge Certificates → Always Use HTTPS.' : `Is port 80 open on the way, and the front’s? ${status}`;
    const leads = !closed && [301, 307, 308].includes(answer.status) && answer.headers.get('location') === target;
    demand(leads, { expected: `a redirect to ${target}`, found: closed ? answer : await inWords(answer), remedy });
  });

  it('tells browsers to come by https only (HSTS)', async (context) => {
    if (config.profile === 'local') notLookedAt(context, 'a stack of profile local promises nothing about localhost');
    await needsTheWayIn(context);
    // Of what is no path of ours a connector says by itself that there is nothing.
    const { headers } = await ask(endpoints.documents.find((url) => new URL(url).hostname === host) ?? `https://${host}${servers[0]!.path}`);
    const promised = headers.get('strict-transport-security');
    demand(/max-age=[1-9]/.test(promised ?? ''), { expected: 'Strict-Transport-Security with a max-age', found: promised ?? 'no such header', remedy: `${up} renders the front anew.` });
  });

  async function reached(context: Parameters<typeof notLookedAt>[0]): Promise<Handshake> {
    return handshake().catch(() => notLookedAt(context, `${host} cannot be reached, told above`));
  }
});

const sorted = (addresses: readonly string[]) => [...addresses].sort().join(', ');
