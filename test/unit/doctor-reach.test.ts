import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { reachSightings } from '../../doctor/causes/reach.ts';
import { clients } from '../../doctor/clients/index.ts';
import { examine } from '../../doctor/index.ts';
import { everyone, found, hosted, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom } from '../support/doctor-room.ts';
import { Certificates, DEAD_6, pretend, type Pretence, PUBLIC, PUBLIC_6 } from '../support/pretend-network.ts';

const HOST = 'mcp.example.test';
const origin = `https://${HOST}`;
let certificates: Certificates, others: Certificates;
beforeAll(() => {
  [certificates, others] = [new Certificates(), new Certificates()];
});
afterAll(() => {
  certificates.remove();
  others.remove();
});

const rooms: DoctorRoom[] = [];
afterEach(async () => {
  for (const room of rooms.splice(0)) await room.close();
});

/** A healthy room with a public name, on an internet of the test's own. */
async function open({ tls = certificates.issue(HOST), at = origin }: { tls?: { key: string; cert: string }; at?: string } = {}): Promise<DoctorRoom> {
  const room = await DoctorRoom.open({ tls, origin: at });
  rooms.push(room);
  return room;
}
const look = (url: string, ports: Pretence['ports'], pretence: Partial<Pretence> = {}) => examine(url, { listenSeconds: 0, network: pretend({ ports, ca: certificates.ca, ...pretence }) });

describe('a public server', () => {
  it('that is healthy gives no trouble', async () => {
    const room = await open();
    const diagnosis = await look(room.url, { [`${HOST}:443`]: room.port });
    expect(diagnosis.findings).toEqual([]);
    expect(diagnosis.ok).toBe(true);
  });

  it('whose name is not in DNS is out of reach for everyone', async () => {
    const { findings, clients } = await look(`${origin}/mcp`, {});
    expect(findings).toEqual([expect.objectContaining({ step: 'reach', weight: 'failure', clients: everyone, what: 'The MCP server’s name mcp.example.test has no address in DNS (ENOTFOUND).' })]);
    expect(clients.every(({ connects, step }) => !connects && step === 'reach')).toBe(true);
  });

  it('at which nothing listens is out of reach for everyone', async () => {
    expect(found(await look(`${origin}/mcp`, { [`${HOST}:443`]: 1 }), 'reach')).toMatchObject({ clients: everyone, what: 'The MCP server cannot be reached at 203.0.113.7 (mcp.example.test): ECONNREFUSED.' });
  });

  it('on another port than 443 is out of reach for hosted clients alone (claude-ai-mcp#719)', async () => {
    const room = await open({ at: `${origin}:8443` });
    const diagnosis = await look(room.url, { [`${HOST}:8443`]: room.port });
    expect(found(diagnosis, 'reach')).toMatchObject({ step: 'reach', clients: hosted, what: expect.stringContaining('The MCP server is on port 8443, and hosted clients call port 443 only: people sign in, and the token request is never made.') as string });
    expect(diagnosis.clients.filter(({ connects }) => !connects).map(({ client }) => client)).toEqual(hosted);
  });

  it('whose authorization server is on another port is no better for them', async () => {
    const [room, server] = [await open(), await open({ at: `${origin}:8443` })];
    room.resourceDocument = { authorization_servers: [server.issuer] };
    const diagnosis = await look(room.url, { [`${HOST}:443`]: room.port, [`${HOST}:8443`]: server.port });
    expect(found(diagnosis, 'server-reach')).toMatchObject({ step: 'server metadata', clients: hosted, what: expect.stringContaining('The authorization server is on port 8443') as string });
  });

  it('whose endpoints for tokens are on another port is no better either', async () => {
    const room = await open();
    room.serverDocument = { token_endpoint: `${origin}:8443/auth/token` };
    expect(found(await look(room.url, { [`${HOST}:443`]: room.port }), 'endpoint-ports')).toMatchObject({ clients: hosted, what: expect.stringContaining(`${origin}:8443/auth/token`) as string });
  });

  it('over plain HTTP is refused by everyone', async () => {
    const room = await DoctorRoom.open({ origin: `http://${HOST}` });
    rooms.push(room);
    const { findings } = await look(room.url, { [`${HOST}:80`]: room.port });
    expect(findings.find(({ what }) => what.includes('plain HTTP'))).toMatchObject({ step: 'reach', weight: 'failure', clients: everyone });
  });

  it('with an IPv6 address at which nothing answers is a flaw for everyone; one that answers is none', async () => {
    const room = await open();
    const ports = { [`${HOST}:443`]: room.port };
    expect(found(await look(room.url, ports, { addresses: { [HOST]: [PUBLIC, DEAD_6] } }), 'reach')).toMatchObject({ weight: 'warning', clients: everyone, what: expect.stringContaining('2001:db8::66: ECONNREFUSED') as string });
    expect(troubles(await look(room.url, ports, { addresses: { [HOST]: [PUBLIC, PUBLIC_6] } }))).toEqual([]);
  });

  it('with IPv6 addresses only is out of reach for Claude, which calls from IPv4', async () => {
    const room = await open();
    expect(found(await look(room.url, { [`${HOST}:443`]: room.port }, { addresses: { [HOST]: [PUBLIC_6] } }), 'reach')).toMatchObject({ weight: 'failure', clients: ['claude'] });
  });
});

describe('an authorization server on another host', () => {
  const AUTH = 'auth.example.test';
  const both = async () => {
    const [room, server] = [await open(), await open({ tls: certificates.issue(AUTH), at: `https://${AUTH}` })];
    room.resourceDocument = { authorization_servers: [server.issuer] };
    return { room, ports: { [`${HOST}:443`]: room.port, [`${AUTH}:443`]: server.port } };
  };

  it('that can be reached is noted for hosted clients, and keeps nobody out', async () => {
    const { room, ports } = await both();
    const diagnosis = await look(room.url, ports);
    expect(diagnosis.ok).toBe(true);
    expect(found(diagnosis, 'server-reach')).toMatchObject({ weight: 'note', clients: hosted, what: expect.stringContaining('on another host (auth.example.test)') as string });
  });

  it('that cannot be reached keeps everyone out (claude-ai-mcp#335)', async () => {
    const { room, ports } = await both();
    const diagnosis = await look(room.url, { ...ports, [`${AUTH}:443`]: 1 });
    expect(found(diagnosis, 'server-reach')).toMatchObject({ step: 'server metadata', weight: 'failure', clients: everyone, what: 'The authorization server cannot be reached at 203.0.113.7 (auth.example.test): ECONNREFUSED.' });
  });

  it('that is on a private address keeps hosted clients out', async () => {
    const { room, ports } = await both();
    const diagnosis = await look(room.url, ports, { addresses: { [AUTH]: [{ address: '10.0.0.8', family: 4 }] } });
    expect(found(diagnosis, 'server-reach')).toMatchObject({ weight: 'failure', clients: hosted, what: expect.stringContaining('private network') as string });
  });
});

describe('a certificate', () => {
  it.each<[string, () => { key: string; cert: string }, string]>([
    ['that has expired', () => certificates.issue(HOST, { days: -1 }), 'The certificate of mcp.example.test has expired.'],
    ['for another name', () => certificates.issue('other.example.test'), 'The certificate that is served is not for mcp.example.test (DNS:other.example.test).'],
    ['without its intermediate', () => certificates.issue(HOST, { isWhole: false }), 'The certificate chain of mcp.example.test is incomplete, or its CA is not known (UNABLE_TO_VERIFY_LEAF_SIGNATURE).'],
    ['of a CA that nobody knows', () => others.issue(HOST), 'The certificate'],
  ])('%s keeps everyone out', async (_, issue, what) => {
    const room = await open({ tls: issue() });
    expect(found(await look(room.url, { [`${HOST}:443`]: room.port }), 'reach')).toMatchObject({ step: 'reach', weight: 'failure', clients: everyone, what: expect.stringContaining(what) as string });
  });

  it('of a CA that only this machine trusts keeps hosted clients out', async () => {
    const room = await open({ tls: others.issue(HOST) });
    const diagnosis = await look(room.url, { [`${HOST}:443`]: room.port }, { ownCa: others.ca });
    expect(found(diagnosis, 'reach')).toMatchObject({ weight: 'failure', clients: hosted, what: expect.stringContaining('trusted on this machine only') as string });
  });

  it.each([
    [90, 10, true],
    [90, 20, false],
    [6, 2, false],
  ])('for %i days of which %i are left: is it a flaw? %s', (days, left, isFlaw) => {
    const day = 86_400_000;
    const valid = { from: new Date(Date.now() - (days - left) * day), until: new Date(Date.now() + left * day) };
    const sightings = reachSightings({ url: new URL(origin), addresses: [{ ...PUBLIC, valid }], isPrivate: false }, clients[0]!, 'The MCP server');
    expect(sightings).toEqual(isFlaw ? [expect.objectContaining({ weight: 'warning', what: expect.stringMatching(/ends on \d{4}-/) as string })] : []);
  });

  it('is missing where something else than TLS answers on the port', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const diagnosis = await look(`${origin}/mcp`, { [`${HOST}:443`]: (server.address() as AddressInfo).port });
    server.close();
    expect(found(diagnosis, 'reach')).toMatchObject({ clients: everyone, what: expect.stringContaining('No TLS connection to mcp.example.test comes about') as string });
  });
});

describe('a server on loopback', () => {
  it('is said to be out of reach for hosted clients in one note, and not for its port or plain HTTP', async () => {
    const room = await DoctorRoom.open();
    rooms.push(room);
    const diagnosis = await examine(room.url, { listenSeconds: 0 });
    expect(diagnosis.findings).toEqual([expect.objectContaining({ id: 'not-public', weight: 'note', clients: hosted })]);
    expect(diagnosis.ok).toBe(true);
  });
});
