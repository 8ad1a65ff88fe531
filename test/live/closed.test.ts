import { lookup } from 'node:dns/promises';
import { BlockList, connect, isIP } from 'node:net';
import { beforeEach, describe, it } from 'vitest';
import { isPrivate } from '../../host/where.ts';
import { networksOf } from '../../infra/config/networks.ts';
import { isKeptOut } from './allowed.ts';
import { ask, inWords } from './ask.ts';
import { demand, notLookedAt } from './finding.ts';
import { needsTheWayIn } from './handshake.ts';
import { config, endpoints, originOf, stack, up } from './subject.ts';

const { hosts, port, servers, published } = endpoints;

/** What is never public, by what it is. A path is asked for with and without tricks that fronts have fallen for. */
const neverPublic: Readonly<Record<string, readonly string[]>> = {
  'Keycloak’s admin console and admin API': ['/auth/admin', '/auth/admin/', '/auth/admin/master/console/', `/auth/admin/realms/${config.realm}`, '/auth/admin/realms', '/auth/%61dmin/', '/auth//admin/', '/auth/resources/..%2fadmin/'],
  'Keycloak’s realm master': ['/auth/realms/master', '/auth/realms/master/.well-known/openid-configuration', '/auth/realms/master/protocol/openid-connect/auth', '/auth/realms/master/protocol/openid-connect/token'],
  'metrics': ['/metrics', '/auth/metrics', '/stub_status'],
  'health and management': ['/health', '/live', '/ready', '/auth/health', '/auth/health/ready', '/auth/management', '/auth/realms/master/metrics'],
  'Keycloak’s account console and other ways to register': [`/auth/realms/${config.realm}/account`, `/auth/realms/${config.realm}/clients-registrations/default`, `/auth/realms/${config.realm}/protocol/openid-connect/token/introspect`],
};

describe('What must be closed', { concurrent: true }, () => {
  beforeEach(needsTheWayIn);

  it.each(Object.entries(neverPublic))('not public: %s', async (_, paths) => {
    const asked = hosts.flatMap((host) => paths.map((path) => `${originOf(host)}${path}`));
    const answers = await Promise.all(asked.map(async (url) => ({ url, answer: await ask(url) })));
    for (const { url, answer } of answers)
      demand([400, 404, 421].includes(answer.status), { expected: `404 from ${url}`, found: await inWords(answer), remedy: `Take it off the internet at once: the front passes on more than the routes of the config. ${up}` });
  });

  it('the ports of what is behind the front are not open to the outside', async (context) => {
    if (!published) notLookedAt(context, 'a stack of profile local publishes none of them');
    const addresses = config.tier === 'tunnel' ? config.publicAddresses : (await Promise.all(hosts.map((host) => lookup(host, { all: true })))).flat().map(({ address }) => address);
    if (addresses.length === 0) notLookedAt(context, 'behind a tunnel nobody knows the machine’s address but drawbridge:publicAddresses, which is not set');
    const { server, keycloak, frontMetrics, tunnel } = published;
    const ports = [...Object.values(server).flatMap((place) => [place.port, place.metrics]), keycloak.port, frontMetrics, tunnel.front, ...tunnel.connectorMetrics, ...(config.tier === 'tunnel' ? [80, 443] : [])];
    const pairs = [...new Set(addresses)].flatMap((address) => ports.map((each) => [address, each] as const));
    const open = (await Promise.all(pairs.map(async ([address, each]) => ((await opens(address, each)) ? [`${address}:${each}`] : [])))).flat();
    demand(open.length === 0, { expected: 'none of them open', found: `open: ${open.join(', ')}`, remedy: `Docker publishes past some firewalls. Set the stack’s rules anew: npm run host -- firewall --stack ${stack}` });
  });

  it(`calls are taken from ${config.dataPlaneAllowlist.length > 0 ? `${config.dataPlaneAllowlist.join(', ')} only` : 'everywhere'}, as the config says (dataPlaneAllowlist)`, async (context) => {
    const { resource } = servers[0]!;
    const networks = networksOf(config.dataPlaneAllowlist);
    if (networks.length === 0) {
      // Without a message, for which a server could have to start first.
      const answer = await ask(resource, { method: 'POST' });
      return demand(answer.status !== 403, { expected: 'that calls are let in', found: await inWords(answer), remedy: `The front has a list that the config does not have, or something stands before it. ${up}` });
    }
    if (await isKeptOut(resource)) return;
    const { local, remote } = await addressesOf(hosts[0]!);
    if (isPrivate(local) && !isPrivate(remote)) notLookedAt(context, 'this machine was let in, and does not know the address by which the front sees it: look from one that is not on the list');
    const list = new BlockList();
    for (const network of networks) {
      const [address, prefix] = network.split('/') as [string, string?];
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      list.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
    }
    demand(list.check(local, isIP(local) === 6 ? 'ipv6' : 'ipv4'), { expected: `403 for calls from ${local}`, found: 'that they are let in', remedy: `The front does not have the list, or sees another address than the caller’s (trustedProxies). ${up}` });
  });
});

/** Whether someone accepts connections there. */
function opens(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, timeout: 3_000 }, () => end(true));
  const end = (open: boolean) => (socket.destroy(), resolve(open));
  socket.on('error', () => end(false)).on('timeout', () => end(false));
  return promise;
}

/** Both ends of a connection to a name. */
function addressesOf(host: string): Promise<{ local: string; remote: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ local: string; remote: string }>();
  const socket = connect({ host, port, timeout: 10_000 }, () => {
    resolve({ local: socket.localAddress!, remote: socket.remoteAddress! });
    socket.destroy();
  }).on('error', reject);
  return promise;
}
