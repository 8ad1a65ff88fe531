import type { RequestListener } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { examine } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom } from '../support/doctor-room.ts';
import { EdgeRoom, HOST, until } from '../support/edge-room.ts';
import { pretend } from '../support/pretend-network.ts';

// A healthy server behind the simulation of Cloudflare's edge, through a tunnel.
let server: DoctorRoom;
let edge: EdgeRoom;
const forward: RequestListener = (request, response) => void server.serve(request, response);
beforeAll(async () => {
  server = await DoctorRoom.open({ origin: `https://${HOST}` });
  edge = await EdgeRoom.open(forward);
});
afterAll(async () => {
  await edge.close();
  await server.close();
});
afterEach(() => {
  edge.account.settings = { ai_bots_protection: 'disabled' };
  edge.account.rulesets = {};
});
const look = () => examine(server.url, { listenSeconds: 0, network: pretend({ ports: { [`${HOST}:443`]: edge.edge.port }, ca: edge.ca }) });

describe('behind Cloudflare', () => {
  it('a healthy server gives no trouble', async () => {
    expect((await look()).findings).toEqual([]);
  });

  it('“Block AI bots” lets Claude’s discovery pass and blocks its calls (claude-ai-mcp#49)', async () => {
    edge.account.settings = { ai_bots_protection: 'block' };
    const diagnosis = await look();
    expect(found(diagnosis, 'agent-blocked')).toMatchObject({
      step: 'call',
      weight: 'failure',
      clients: ['claude'],
      what: expect.stringMatching(/^The user agent `Claude-User` is refused \(403 from .*\), while the same request under another name gets 401\. Its discovery asks as `python-httpx\/0\.28\.1` and passes: people sign in, and then no request with their token ever arrives\.$/) as string,
      remedies: [expect.stringContaining('switch off both “Block AI bots”')],
    });
    expect(troubles(diagnosis)).toEqual(['failure agent-blocked at call: claude']);
    expect(found(diagnosis, 'agent-blocked').evidence.map(({ request, response }) => [request.headers['user-agent'], response?.status])).toEqual([['Claude-User', 403], ['drawbridge-doctor/1', 401]]);
  });

  it('a rule of AI Crawl Control does the same', async () => {
    edge.account.rulesets = { http_request_firewall_custom: [{ expression: '(http.user_agent contains "Claude-User")', action: 'block', enabled: true }] };
    expect(found(await look(), 'agent-blocked')).toMatchObject({ step: 'call', clients: ['claude'] });
  });

  it('a rule against scripts blocks discovery as well', async () => {
    edge.account.rulesets = { http_request_firewall_custom: [{ expression: '(http.user_agent contains "python")', action: 'block', enabled: true }] };
    const [claude] = (await look()).clients;
    expect(claude).toMatchObject({ connects: false, step: 'challenge', why: expect.stringContaining('`python-httpx/0.28.1` is refused') as string });
  });

  it('a rule for everyone leaves no client in', async () => {
    edge.account.rulesets = { http_request_firewall_custom: [{ expression: '(http.request.uri.path contains "/mcp")', action: 'block', enabled: true }] };
    const diagnosis = await look();
    expect(diagnosis.clients.every(({ connects, step }) => !connects && step === 'challenge')).toBe(true);
    expect(found(diagnosis, 'refuses-everyone')).toMatchObject({ clients: everyone });
  });

  it('a tunnel without a connector, such as one that outlived its stack, is named as that: error 1033', async () => {
    const before = edge.account.entries;
    edge.account.entries = [{ type: 'CNAME', name: HOST, content: '7b4c6f1e-0000-4000-8000-000000000002.cfargotunnel.com', proxied: true }];
    const diagnosis = await look();
    edge.account.entries = before;
    expect(found(diagnosis, 'edge-error')).toMatchObject({ step: 'challenge', clients: everyone, what: 'Cloudflare answers in the server’s place with error 1033: the name leads to a Cloudflare tunnel that no connector serves.', remedies: [expect.stringMatching(/the next create then says 409\): stop every cloudflared of it, delete the tunnel/)] });
    expect(troubles(diagnosis)).toHaveLength(1);
  });

  it('a record that leads nowhere any more is named as that: error 1001', async () => {
    const before = edge.account.entries;
    edge.account.entries = [];
    const diagnosis = await look();
    edge.account.entries = before;
    expect(found(diagnosis, 'edge-error').what).toContain('error 1001');
  });

  it('a server that does not run is named as that: error 502 of the connector', async () => {
    const before = edge.account.configuration;
    edge.account.configure([{ service: 'http://127.0.0.1:1' }]);
    await until('the connector has it', async () => (await edge.get('/mcp')).status === 502);
    const diagnosis = await look();
    edge.account.configure((before.config as { ingress: object[] }).ingress);
    await until('the connector has it', async () => (await edge.get('/mcp')).status === 401);
    expect(found(diagnosis, 'edge-error')).toMatchObject({ clients: everyone, what: expect.stringContaining('error 502: the tunnel’s connector cannot reach the server') as string });
  });
});

describe('pages of the edge', () => {
  let room: DoctorRoom;
  beforeEach(async () => {
    room = await DoctorRoom.open();
  });
  afterEach(() => room.close());
  const page = (status: number, body: string, headers: Record<string, string> = {}) => room.answer('/mcp', (_, response) => void response.writeHead(status, { 'content-type': 'text/html', server: 'cloudflare', 'cf-ray': '1-FRA', ...headers }).end(body));
  const examined = () => examine(room.url, { listenSeconds: 0 });

  it.each([
    [530, 'error code: 1033', /tunnel that no connector serves/],
    [530, '<span class="cf-error-code">1016</span>', /no longer exists/],
    [522, '<h1>Error 522</h1>', /cannot connect/],
    [526, '', /does not accept the TLS/],
    [524, 'error code: 524', /limit of about 100 seconds/],
  ])('%i with “%s” are read as what they are', async (status, body, what) => {
    page(status, body);
    expect(found(await examined(), 'edge-error')).toMatchObject({ step: 'challenge', clients: everyone, what: expect.stringMatching(what) as string });
  });

  it('that challenge a browser keep every client out', async () => {
    page(403, '<title>Just a moment...</title>', { 'cf-mitigated': 'challenge' });
    expect(found(await examined(), 'refuses-everyone')).toMatchObject({ clients: everyone, what: expect.stringContaining('a challenge that only browsers can pass') as string });
  });

  it('of a 401 that is the server’s own are none', async () => {
    room.breaks.push((_, response) => {
      response.setHeader('server', 'cloudflare');
      return false;
    });
    expect(troubles(await examined())).toEqual([]);
  });
});

describe('answers that make no sense', () => {
  const nonsense = ['', 'null', '[]', '"text"', '{"resource": 5, "authorization_servers": ["javascript:x", {}]}', '{"issuer": {}, "authorization_endpoint": "//", "registration_endpoint": 7}', '{"jsonrpc": "2.0", "id": 1, "error": "text"}', '{"jsonrpc": "2.0", "id": 1, "result": "text"}', '{"client_id": ["x"], "registration_client_uri": 9}'];
  it.each(nonsense)('%s, whoever asks for what, end in a diagnosis', async (body) => {
    const room = await DoctorRoom.open();
    const looked = async () => {
      const { clients } = await examine(room.url, { listenSeconds: 0, register: true, token: room.token({ aud: 7 as never, iss: {} as never, exp: -1e300 }) });
      expect(clients).toHaveLength(everyone.length);
    };
    // First one document after the other, then all of them.
    for (const path of ['/mcp', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server/auth/realms/main', '/auth/register', '/auth/authorize']) {
      room.breaks.length = 0;
      room.answer(path, (_, response) => void response.writeHead(200, { 'content-type': 'application/json', 'www-authenticate': 'Bearer resource_metadata=":::"', location: '::' }).end(body));
      await looked();
    }
    room.breaks.splice(0, 1, (_, response) => void response.writeHead(401, { 'www-authenticate': 'Bearer =,,"' }).end(body));
    await looked();
    await room.close();
  });

  it('or a connection that breaks off each time, end in a diagnosis', async () => {
    const room = await DoctorRoom.open();
    room.breaks.push((_, response) => void response.destroy());
    const { clients } = await examine(room.url, { listenSeconds: 0 });
    await room.close();
    expect(clients.every(({ connects }) => !connects)).toBe(true);
  });
});

describe('another web application firewall', () => {
  it('that drops a connection for its user agent is found by comparing', async () => {
    const room = await DoctorRoom.open();
    room.breaks.push((request, response) => (request.headers['user-agent'] === 'Claude-User' ? void response.destroy() : false));
    const diagnosis = await examine(room.url, { listenSeconds: 0 });
    await room.close();
    expect(troubles(diagnosis)).toEqual(['failure agent-blocked at call: claude']);
    expect(found(diagnosis, 'agent-blocked').remedies[0]).toContain('Let the user agent through');
  });

  it('that refuses the metadata to a user agent is found by comparing', async () => {
    const room = await DoctorRoom.open();
    room.breaks.push((request, response) => (request.url!.startsWith('/.well-known/') && request.headers['user-agent']!.startsWith('Python') ? void response.writeHead(403).end() : false));
    const diagnosis = await examine(room.url, { listenSeconds: 0 });
    await room.close();
    expect(found(diagnosis, 'documents-blocked')).toMatchObject({ step: 'resource metadata', clients: ['chatgpt'] });
  });
});
