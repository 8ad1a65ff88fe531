// What a stack on a machine apart finds on the internet: Cloudflare's API, edge and name servers, all simulated, each under its own name. Prints a
// `Cloudflare` as JSON when all of it is there, and ends when its input does.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as ask, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { pipeline } from 'node:stream';
import { DnsSimulation } from '../../cloudflare/dns.ts';
import { EdgeSimulation } from '../../cloudflare/edge.ts';
import { ALL_PERMISSIONS } from '../../cloudflare/permissions.ts';
import { CloudflareSimulation } from '../../cloudflare/simulation.ts';
import { RESOLVER } from '../../hosts/uplink.ts';
import { addresses, authority, type Cloudflare, ports, zone } from '../internet.ts';

const cloudflare = await CloudflareSimulation.start({ zones: [zone] });

async function listen(server: Server, port: number, address: string): Promise<number> {
  server.listen(port, address);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Certbot's plugin knows Cloudflare's API by no other address than its own. */
function passOn(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  const onward = ask(new URL(url!, cloudflare.url), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    pipeline(answer, response, () => {});
  });
  pipeline(request, onward, () => {});
}

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [member, ...args] = (await json(request)) as [keyof CloudflareSimulation, ...unknown[]];
  const value = cloudflare[member] as unknown;
  const result = typeof value === 'function' ? (value as (...all: unknown[]) => unknown).apply(cloudflare, args) : value;
  response.end(JSON.stringify(result ?? null));
}

const api = await authority().issue('api', ['DNS:api.cloudflare.com']);
await listen(createSecureServer({ key: api.key, cert: api.certificate }, passOn), ports.api, '0.0.0.0');
// As the universal certificate: the zone, and one label under it.
const edge = await authority().issue('edge', [`DNS:${zone}`, `DNS:*.${zone}`]);
await EdgeSimulation.start({ ...edge, listen: { address: '0.0.0.0', port: ports.edge, plainPort: ports.plain, connectorPort: ports.connectors }, state: cloudflare });
await DnsSimulation.start({
  listen: { address: addresses.resolver, port: 53 },
  zones: [zone],
  records: (name) => cloudflare.records(name),
  edge: addresses.edge,
  names: { 'api.cloudflare.com': addresses.api },
  upstream: RESOLVER,
});
const port = await listen(createServer((request, response) => void control(request, response)), 0, '127.0.0.1');
const access: Cloudflare = { api: cloudflare.url, accountId: cloudflare.accountId, token: cloudflare.tokenWith(ALL_PERMISSIONS), control: `http://127.0.0.1:${port}` };
process.stdout.write(`${JSON.stringify(access)}\n`);
process.stdin.on('end', () => process.exit()).resume();
