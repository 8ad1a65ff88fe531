import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cloudflared, Connector, EdgeRoom, HOST, token, TUNNEL, until } from '../support/edge-room.ts';

/** Streams that the origin has begun and waits to end. */
const open: ServerResponse[] = [];
let room: EdgeRoom;
beforeAll(async () => {
  room = await EdgeRoom.open((request, response) => {
    if (!request.url!.includes('stream')) return void request.resume().on('end', () => response.end(request.url));
    response.writeHead(200).write('first\n');
    open.push(response.on('close', () => open.splice(open.indexOf(response), 1)));
  });
});
afterAll(() => room.close());

const run = async (args: string[], env?: Record<string, string>) => {
  const process = cloudflared(args, env);
  const [code, ...output] = await Promise.all([once(process, 'exit').then(([status]) => status as number), text(process.stdout!), text(process.stderr!)]);
  return { code, output: output.join('') };
};

describe('the simulation of cloudflared, as a command', () => {
  it('says its version, and that it is a simulation', async () => {
    expect(await run(['version'])).toEqual({ code: 0, output: expect.stringMatching(/^cloudflared version \S+-simulation\n$/) });
    expect(room.connectors[0]!.output).toContain('This is a simulation of cloudflared');
  });

  it('runs against no edge but one that is named as a simulation', async () => {
    expect(await run(['tunnel', 'run'], { TUNNEL_TOKEN: token() })).toEqual({ code: 1, output: expect.stringContaining('CLOUDFLARE_EDGE_SIMULATION must name the simulated edge') });
  });

  it.each(['', 'nonsense', Buffer.from('{"a":"account"}').toString('base64')])('refuses a token that is none: %j', async (wrong) => {
    expect(await run(['tunnel', 'run'], { TUNNEL_TOKEN: wrong, CLOUDFLARE_EDGE_SIMULATION: '127.0.0.1:9' })).toEqual({ code: 1, output: 'Provided Tunnel token is not valid.\n' });
  });

  it('knows no option that cloudflared does not have', async () => {
    expect((await run(['tunnel', '--no-update', 'run'])).code).toBe(1);
  });

  it('ends when the edge refuses its token', async () => {
    const stranger = new Connector(room.edge.connectorPort, token('b3RoZXI='));
    expect(await stranger.ended).toBe(1);
    expect(stranger.output).toContain('Register tunnel error from server side error="Unauthorized: Tunnel not found"');
    expect(stranger.output).not.toContain(token('b3RoZXI='));
  });
});

describe('readiness', () => {
  it('is cloudflared’s answer, with its four connections', async () => {
    const { connectorId } = await room.connectors[0]!.ready();
    expect(await room.connectors[0]!.ready()).toEqual({ status: 200, readyConnections: 4, connectorId });
    expect([...room.account.connected]).toContain(connectorId);
  });

  it('is 503 while there is no edge, and `tunnel ready` says so by its exit code', async () => {
    const lost = new Connector(9, token());
    await until('metrics are served', async () => (await lost.ready()).status === 503);
    expect(await lost.ready()).toMatchObject({ status: 503, readyConnections: 0 });
    expect((await run(['tunnel', '--metrics', lost.metrics, 'ready'])).code).toBe(1);
    expect((await run(['tunnel', '--metrics', room.connectors[0]!.metrics, 'ready'])).code).toBe(0);
    lost.process.kill('SIGKILL');
  });

  it('comes with metrics under cloudflared’s names', async () => {
    const before = await room.connectors[0]!.metric('cloudflared_tunnel_total_requests');
    await room.get('/counted');
    expect(await room.connectors[0]!.metric('cloudflared_tunnel_total_requests')).toBe(before + 1);
    expect(await room.connectors[0]!.metric('cloudflared_tunnel_ha_connections')).toBe(4);
    expect(await room.connectors[0]!.metric('cloudflared_orchestration_config_version')).toBe(room.account.configuration.version);
  });
});

describe('ingress rules', () => {
  const statuses = async (asked: [host: string, path: string][]) => Promise.all(asked.map(async ([host, path]) => (await room.get(path, { host })).status));
  const configured = async (ingress: object[]) => {
    room.account.configure(ingress);
    const { version } = room.account.configuration;
    await until('the configuration is in use', async () => (await room.connectors[0]!.metric('cloudflared_orchestration_config_version')) === version);
  };
  const status = (code: number) => `http_status:${code}`;
  beforeAll(() => {
    for (const name of ['a.example.test', 'example.test']) room.account.entries.push({ type: 'CNAME', name, content: `${TUNNEL}.cfargotunnel.com`, proxied: true });
  });
  afterAll(() => configured([{ service: room.service }]));

  it('decide in their order, and the last for all else', async () => {
    await configured([{ hostname: HOST, path: '^/a$', service: status(201) }, { hostname: HOST, path: '^/', service: status(202) }, { service: status(404) }]);
    expect(await statuses([[HOST, '/a'], [HOST, '/b'], ['a.example.test', '/a']])).toEqual([201, 202, 404]);
  });

  it('take a host as it stands, or all below a wildcard', async () => {
    await configured([{ hostname: HOST, service: status(201) }, { hostname: '*.example.test', service: status(202) }, { service: status(404) }]);
    expect(await statuses([[HOST, '/'], ['a.example.test', '/'], ['example.test', '/']])).toEqual([201, 202, 404]);
  });

  it('find a pattern anywhere in the path unless it is anchored, and not in the query', async () => {
    await configured([{ path: 'b.d', service: status(201) }, { service: status(404) }]);
    expect(await statuses([[HOST, '/abcde'], [HOST, '/a?bcd'], [HOST, '/BCD']])).toEqual([201, 404, 404]);
  });

  it('look at the decoded path, and pass it on as it came', async () => {
    await configured([{ path: '^/a/b;c d$', service: room.service }, { service: status(404) }]);
    expect(await room.get('/%61%2fb;c%20d?q=%2F')).toMatchObject({ status: 200, text: '/%61%2fb;c%20d?q=%2F' });
    expect(await statuses([[HOST, '/%25%36%31/b;c%20d'], [HOST, '/a/b']])).toEqual([404, 404]);
  });

  it('have no place for a path that Go does not parse', async () => {
    await configured([{ service: room.service }]);
    expect((await room.get('/%zz')).status).toBe(400);
  });

  it.each([
    ['a last rule that is for one host', [{ hostname: HOST, service: status(200) }]],
    ['a rule behind one for all', [{ service: status(200) }, { service: status(404) }]],
    ['a host with a port', [{ hostname: `${HOST}:443`, service: status(200) }, { service: status(404) }]],
    ['a wildcard within a name', [{ hostname: 'a.*.test', service: status(200) }, { service: status(404) }]],
    ['a pattern that Go cannot run', [{ path: '^/(?!auth)', service: status(200) }, { service: status(404) }]],
    ['a pattern that is none', [{ path: '(', service: status(200) }, { service: status(404) }]],
  ])('are left as they were by a configuration that has %s', async (_, ingress) => {
    await configured([{ service: status(418) }]);
    room.account.configure(ingress);
    await until('it was refused', () => room.connectors[0]!.output.includes(`version=${room.account.configuration.version}\n`));
    expect(room.connectors[0]!.output).toContain('Failed to update ingress');
    expect((await room.get('/')).status).toBe(418);
  });

  it('lead to a 502 of the edge where the service does not answer', async () => {
    await configured([{ service: 'http://127.0.0.1:9' }]);
    expect(await room.get('/')).toMatchObject({ status: 502, text: expect.stringContaining('Simulation of Cloudflare') });
  });
});

describe('several connectors', () => {
  afterEach(async () => {
    for (const { process } of room.connectors.splice(1)) process.kill('SIGKILL');
    await until('one is left', () => room.account.connected.size === 1);
  });

  it('share the work, and one alone does it all', async () => {
    const second = await room.connector();
    for (let count = 0; count < 16; count += 1) await room.get('/');
    expect(await second.metric('cloudflared_tunnel_total_requests')).toBe(8);
    second.process.kill('SIGKILL');
    await until('the edge has noticed', () => room.account.connected.size === 1);
    for (let count = 0; count < 8; count += 1) expect((await room.get('/')).status).toBe(200);
  });

  it('connect again by themselves, after someone cleaned their connections up', async () => {
    const { connectorId } = await room.connectors[0]!.ready();
    room.account.disconnect(TUNNEL, connectorId);
    room.account.events.emit('cleanup', TUNNEL, [connectorId]);
    expect(await room.get('/')).toMatchObject({ status: 530, text: expect.stringContaining('Error 1033') });
    await until('it is there again', async () => room.account.connected.has(connectorId) && (await room.connectors[0]!.ready()).readyConnections === 4);
    expect((await room.get('/')).status).toBe(200);
  });
});

describe('SIGTERM', () => {
  const streaming = async (connector: Connector) => {
    // Requests go to each connection in its turn: until this one has one.
    const answers: Promise<string>[] = [];
    while ((await connector.metric('cloudflared_tunnel_concurrent_requests_per_tunnel')) === 0) {
      const before = open.length;
      answers.push(room.get('/stream').then(({ text }) => text, (error: Error) => error.message));
      await until('the stream is open', () => open.length > before);
    }
    return answers;
  };

  it('takes the connections back at once, finishes what is under way, and ends with 0', async () => {
    const leaving = await room.connector();
    const answers = await streaming(leaving);
    leaving.process.kill('SIGTERM');
    await until('it is unregistered', () => room.account.connected.size === 1);
    expect(await leaving.ready()).toMatchObject({ status: 503, readyConnections: 0 });
    const handled = await leaving.metric('cloudflared_tunnel_total_requests');
    for (let count = 0; count < 16; count += 1) expect((await room.get('/')).status).toBe(200);
    expect(await leaving.metric('cloudflared_tunnel_total_requests')).toBe(handled);
    for (const response of [...open]) response.end('last\n');
    expect(await Promise.all(answers)).toEqual(answers.map(() => 'first\nlast\n'));
    expect(await leaving.ended).toBe(0);
    expect(leaving.output).toContain('Unregistered tunnel connection connIndex=3');
  });

  it('waits no longer than the grace period', async () => {
    const leaving = await room.connector('--grace-period', '300ms');
    const answers = await streaming(leaving);
    leaving.process.kill('SIGTERM');
    expect(await Promise.race([leaving.ended, sleep(3000)])).toBe(0);
    for (const response of [...open]) response.end('last\n');
    // Cut in the middle, which a client must be able to tell from an end.
    expect(await Promise.all(answers)).toContain('aborted');
  });
});
