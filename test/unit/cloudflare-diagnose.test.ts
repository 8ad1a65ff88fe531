import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Cloudflare from 'cloudflare';
import { Agent, buildConnector, fetch } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../cloudflare/api.ts';
import { diagnose, type Finding, type Subject } from '../../cloudflare/diagnose.ts';
import { applyRules } from '../../cloudflare/rules/act.ts';
import type { BotSettings } from '../cloudflare/bot-management.ts';
import { EdgeSimulation } from '../cloudflare/edge.ts';
import { ALL_PERMISSIONS } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { Connector, HOST, makeEdgeCertificate, until } from '../support/edge-room.ts';

const { certificate, key } = makeEdgeCertificate();
let cloudflare: CloudflareSimulation;
let edge: EdgeSimulation;
let origin: Server;
let api: Cloudflare;
let zone_id: string;
let tunnelId: string;
let connector: Connector | undefined;
let agent: Agent;

beforeAll(async () => {
  // Our server, which takes no call without a token.
  origin = createServer((request, response) => response.writeHead(request.url!.startsWith('/mcp') ? 401 : 200, { 'content-type': 'application/json' }).end('{}')).listen(0, '127.0.0.1');
  await once(origin, 'listening');
});
afterAll(() => origin.close());

beforeEach(async () => {
  cloudflare = await CloudflareSimulation.start();
  zone_id = cloudflare.zoneId('example.test');
  api = connect({ token: cloudflare.tokenWith(ALL_PERMISSIONS), baseUrl: cloudflare.url });
  edge = await EdgeSimulation.start({ certificate, key, listen: { address: '127.0.0.1', port: 0, connectorPort: 0 }, state: cloudflare });
  agent = edgeAgent();
  const account_id = cloudflare.accountId;
  const tunnel = await api.zeroTrust.tunnels.cloudflared.create({ account_id, name: 'drawbridge-main', config_src: 'cloudflare' });
  tunnelId = tunnel.id!;
  await api.zeroTrust.tunnels.cloudflared.configurations.update(tunnelId, { account_id, config: { ingress: [{ hostname: '', service: `http://127.0.0.1:${(origin.address() as AddressInfo).port}` }] } });
  const token = await api.zeroTrust.tunnels.cloudflared.token.get(tunnelId, { account_id });
  connector = new Connector(edge.connectorPort, token);
  await until('connections', async () => (await connector!.ready()).readyConnections === 4);
  await api.dns.records.create({ zone_id, type: 'CNAME', name: HOST, content: `${tunnelId}.cfargotunnel.com`, proxied: true, ttl: 1 });
  await bots({ ai_bots_protection: 'disabled' });
});
afterEach(async () => {
  await stopConnector();
  await agent.close();
  await edge.stop();
  await cloudflare.stop();
});

/** Leads every public name to the simulated edge. */
function edgeAgent(): Agent {
  const connection = buildConnector({ ca: certificate });
  return new Agent({ connect: (options, done) => connection({ ...options, hostname: '127.0.0.1', port: String(edge.port), servername: options.hostname }, done) });
}

async function stopConnector(): Promise<void> {
  connector?.process.kill('SIGKILL');
  await connector?.ended;
  connector = undefined;
}

const bots = (settings: BotSettings) => api.botManagement.update({ zone_id, ...settings } as never);
const customRules = (...rules: object[]) => api.rulesets.phases.update('http_request_firewall_custom', { zone_id, rules: rules as never });
const cacheRules = (...rules: object[]) => api.rulesets.phases.update('http_request_cache_settings', { zone_id, rules: rules as never });
const documents = [{ host: HOST, path: '/.well-known/oauth-protected-resource' }, { host: HOST, path: '/auth/realms/main/.well-known/openid-configuration' }];

function findings(more: Partial<Subject> = {}): Promise<Finding[]> {
  const throughTheEdge = ((url: string, init: object) => fetch(url, { ...init, dispatcher: agent })) as unknown as typeof globalThis.fetch;
  return diagnose({ api, stack: 'main', accountId: cloudflare.accountId, zone: 'example.test', hosts: [HOST], servers: [{ host: HOST, path: '/mcp' }], documents, restricted: false, fetch: throughTheEdge, ...more });
}

describe('a stack behind a tunnel', () => {
  it('has nothing wrong with it when all is well, with rules of its own and harmless ones of others', async () => {
    await cacheRules({ action: 'set_cache_settings', action_parameters: { cache: true }, expression: 'true', description: 'everything' }, { action: 'set_cache_settings', action_parameters: { cache: true }, expression: 'http.host eq "www.example.test"', description: 'www' });
    await customRules({ action: 'block', expression: 'http.request.uri.path contains "/.env"', description: 'theirs' }, { action: 'skip', expression: 'http.user_agent contains "Applebot"', description: 'skipping' });
    const places = [{ host: HOST, path: '/mcp', match: 'exact' as const }, ...documents.map((place) => ({ ...place, match: 'exact' as const }))];
    await applyRules(api, { stack: 'main', zone: 'example.test', bypassCache: places, callers: { networks: ['127.0.0.0/8'], paths: [{ host: HOST, path: '/mcp' }] } });
    expect(await findings()).toEqual([]);
  });

  it('that takes calls from others than this machine has nothing wrong with it either', async () => {
    await applyRules(api, { stack: 'main', zone: 'example.test', bypassCache: [], callers: { networks: ['160.79.104.0/21'], paths: [{ host: HOST, path: '/mcp' }] } });
    expect(await findings({ restricted: true })).toEqual([]);
  });

  it('changes nothing by being looked at', async () => {
    cloudflare.calls.length = 0;
    await findings();
    expect(new Set(cloudflare.calls.map(({ method }) => method))).toEqual(new Set(['GET']));
  });
});

describe('AI bots', () => {
  it('that “Block AI bots” keeps out: by the setting with its place in the dashboard, and by a call as Claude makes it', async () => {
    await bots({ ai_bots_protection: 'block' });
    expect(await findings()).toEqual([
      {
        check: 'bots',
        problem: '“Block AI bots” is on for the zone example.test: it refuses Claude-User and its like everywhere but below /.well-known/, so that sign-in goes well and no call ever arrives.',
        remedy: 'Switch it off (Security → Settings → Bot traffic → Block AI bots; in the older dashboard Security → Bots), or let Drawbridge do so: manageBotSettings: true in drawbridge:cloudflare. Either is for the whole zone. In the API it is ai_bots_protection of bot_management.',
      },
      {
        check: 'bots',
        problem: `https://${HOST}/mcp answers 401 to a client of no name, and refuses the user agent Claude-User: 403, Cloudflare’s error 1010.`,
        remedy: `Security → Events shows by which rule or setting, with the user agent Claude-User; switch it off, or except ${HOST}/mcp.`,
      },
    ]);
  });

  it.each<[BotSettings, string]>([
    [{ fight_mode: true }, 'Bot Fight Mode'],
    [{ crawler_protection: 'enabled' }, 'AI Labyrinth'],
    [{ content_bots_protection: 'block' }, 'Block content bots'],
  ])('that %j keeps out', async (settings, shown) => {
    await bots(settings);
    expect(await findings()).toEqual([{ check: 'bots', problem: expect.stringContaining(`“${shown}” is on for the zone`), remedy: expect.stringContaining(`Security → Settings → Bot traffic → ${shown}`) }]);
  });

  it('that AI Crawl Control’s own rule keeps out', async () => {
    await customRules({ ref: '[CF AI Audit]', action: 'block', description: 'AI Crawl Control - Block AI bots by User Agent', expression: '(http.request.uri.path ne "/robots.txt") and ((http.user_agent contains "GPTBot") or (http.user_agent contains "Claude-User"))' });
    expect(await findings()).toEqual([
      { check: 'bots', problem: 'AI Crawl Control blocks AI bots by their user agent, Claude-User among them (custom rule “AI Crawl Control - Block AI bots by User Agent”).', remedy: expect.stringContaining('AI Crawl Control → Security') },
      { check: 'bots', problem: expect.stringContaining('refuses the user agent Claude-User: 403, Cloudflare’s error 1020'), remedy: expect.stringContaining('Security → Events') },
    ]);
    const [rule] = cloudflare.rules('example.test', 'http_request_firewall_custom');
    expect(rule).toMatchObject({ enabled: true });
  });

  it.each([
    ['lets Claude’s assistant in', { expression: '(http.request.uri.path ne "/robots.txt") and (http.user_agent contains "ClaudeBot")' }],
    ['excepts the server', { expression: '(http.user_agent contains "Claude-User") and not starts_with(http.request.uri.path, "/mcp")' }],
    ['is off', { expression: 'http.user_agent contains "Claude-User"', enabled: false }],
  ])('are not said to be kept out by AI Crawl Control where its rule %s', async (_, rule) => {
    await customRules({ ref: '[CF AI Audit]', action: 'block', description: 'AI Crawl Control - Block AI bots by User Agent', ...rule });
    expect(await findings()).toEqual([]);
  });

  it('that somebody’s custom rule keeps out, unless one before lets them pass', async () => {
    const refusing = { action: 'managed_challenge', description: 'no bots', expression: 'http.user_agent contains "Claude"' };
    await customRules(refusing);
    expect(await findings()).toEqual([{ check: 'bots', problem: 'The custom rule “no bots” keeps Claude-User from the MCP server (managed_challenge).', remedy: expect.stringContaining('Security → Security rules') }]);
    await customRules({ action: 'skip', action_parameters: { ruleset: 'current' }, expression: `http.host eq "${HOST}"` }, refusing);
    expect(await findings()).toEqual([]);
  });

  it('and all others that are kept out are told apart from those who may not call', async () => {
    await customRules({ action: 'block', description: 'closed', expression: 'http.user_agent ne "nobody"' });
    const everyone = { check: 'edge', problem: `https://${HOST}/mcp refuses every client: 403, Cloudflare’s error 1020.`, remedy: expect.stringContaining('Security → Events') };
    expect(await findings()).toEqual([expect.objectContaining({ check: 'bots', problem: expect.stringContaining('“closed”') }), everyone]);
    const unread = documents.map(({ path }) => expect.objectContaining({ check: 'edge', problem: expect.stringContaining(`https://${HOST}${path}, which clients read`) }));
    expect(await findings({ restricted: true })).toEqual([expect.objectContaining({ problem: expect.stringContaining('“closed”') }), ...unread]);
  });
});

describe('what clients ask for', () => {
  /** Has the tunnel lead to something else for the while. */
  async function behindTunnel(answer: Parameters<typeof createServer>[1], look: () => Promise<void>): Promise<void> {
    const other = createServer(answer).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const routes = (server: Server) => api.zeroTrust.tunnels.cloudflared.configurations.update(tunnelId, { account_id: cloudflare.accountId, config: { ingress: [{ hostname: '', service: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }] } });
    await routes(other);
    try {
      await look();
    } finally {
      await routes(origin);
      await until('the routes are back', async () => (await findings()).length === 0);
      other.close();
      other.closeAllConnections();
    }
  }

  it.each<[string, number, Record<string, string>, string]>([
    ['a page of somebody’s', 200, { 'content-type': 'text/html' }, '200'],
    ['a sign-in of Cloudflare Access', 302, { location: 'https://team.cloudflareaccess.com/' }, '302'],
    ['an error', 500, { 'content-type': 'application/json' }, '500'],
    ['nothing', 404, {}, '404'],
  ])('is answered with %s, and not by the gateway', async (_, status, headers, said) => {
    await behindTunnel((_request, response) => response.writeHead(status, headers).end(), async () => {
      await until('the routes are there', async () => (await findings()).length > 0);
      expect(await findings()).toEqual([{ check: 'edge', problem: `https://${HOST}/mcp is answered by something else than the gateway: ${said}.`, remedy: expect.stringContaining('Cloudflare Access') }]);
    });
  });

  it('are documents that a rule refuses', async () => {
    await customRules({ action: 'block', description: 'no dotfiles', expression: 'starts_with(http.request.uri.path, "/.well-known/")' });
    expect(await findings()).toEqual(documents.filter(({ path }) => path.startsWith('/.well-known/')).map(({ path }) => ({ check: 'edge', problem: `https://${HOST}${path}, which clients read before they sign in, is answered with 403, Cloudflare’s error 1020.`, remedy: expect.stringContaining('Security → Events') })));
  });

  it('is refused to everyone by something else than the list of callers', async () => {
    for (const refusal of [{ status: 403, headers: { 'cf-mitigated': 'challenge' } }, { status: 429 }, { status: 503 }])
      expect(await findings({ restricted: true, fetch: async () => new Response('', refusal) })).toContainEqual(expect.objectContaining({ check: 'edge', problem: expect.stringMatching(`https://${HOST}/mcp refuses every client: ${refusal.status}`) }));
  });
});

describe('answers that are kept', () => {
  it('by a rule that decides after ours, which a call shows as well', async () => {
    await applyRules(api, { stack: 'main', zone: 'example.test', bypassCache: documents.map((place) => ({ ...place, match: 'exact' as const })) });
    const { id } = await api.rulesets.phases.get('http_request_cache_settings', { zone_id });
    await api.rulesets.rules.create(id, { zone_id, action: 'set_cache_settings', action_parameters: { cache: true }, description: 'all metadata', expression: 'http.request.uri.path contains "/.well-known/"' });
    expect(await findings()).toEqual([
      { check: 'cache', problem: `The cache rule “all metadata” has Cloudflare keep answers of ${documents.map(({ host, path }) => `${host}${path}`).join(', ')}.`, remedy: `Except ${HOST} from it, or put Drawbridge’s rule behind it (Caching → Cache Rules): the last that matches decides.` },
      ...documents.map(({ path }) => ({ check: 'cache', problem: expect.stringMatching(`https://${HOST}${path} \\(cf-cache-status: MISS\\)`), remedy: expect.stringContaining('Caching → Cache Rules; Rules → Page Rules') })),
    ]);
  });

  it('are not asked for by a URL that a client would ask for', async () => {
    await cacheRules({ action: 'set_cache_settings', action_parameters: { cache: true }, expression: 'true' });
    await findings();
    expect((await fetch(`https://${HOST}${documents[0]!.path}`, { dispatcher: agent })).headers.get('cf-cache-status')).toBe('MISS');
  });
});

describe('a public name', () => {
  const dns = (record: object | undefined) => api.dns.records.batch({ zone_id, deletes: cloudflare.records('example.test').map(({ id }) => ({ id })), ...(record && { posts: [{ name: HOST, ttl: 1, ...record }] }) } as never);
  const target = () => `${tunnelId}.cfargotunnel.com`;

  it.each<[string, () => object | undefined, () => string, string]>([
    ['has no record', () => undefined, () => `${HOST} has no DNS record: nobody finds it.`, 'Add the record CNAME'],
    ['leads to an address', () => ({ type: 'A', content: '192.0.2.7', proxied: true }), () => `${HOST} does not lead to the stack’s tunnel: A ${HOST} → 192.0.2.7.`, 'Replace it with CNAME'],
    ['leads to another tunnel', () => ({ type: 'CNAME', content: 'f0e1d2c3-0000-4000-8000-000000000000.cfargotunnel.com', proxied: true }), () => `${HOST} does not lead to the stack’s tunnel: CNAME`, 'Replace it with CNAME'],
    ['is not proxied', () => ({ type: 'CNAME', content: target(), proxied: false }), () => `The DNS record CNAME ${HOST} → ${target()} is not proxied`, 'Switch its proxy status to “Proxied” (DNS → Records).'],
  ])('that %s', async (_, record, problem, remedy) => {
    await dns(record());
    const [first, ...rest] = await findings();
    expect(first).toEqual({ check: 'dns', problem: expect.stringContaining(problem()), remedy: expect.stringContaining(remedy) });
    // What a client meets, in the edge's words.
    expect(rest.every(({ check }) => check === 'edge')).toBe(true);
  });

  it('that no certificate covers', async () => {
    const host = 'a.mcp.example.test';
    await api.dns.records.create({ zone_id, type: 'CNAME', name: host, content: target(), proxied: true, ttl: 1 });
    expect(await findings({ hosts: [HOST, host], servers: [{ host, path: '/mcp' }] })).toEqual([
      { check: 'certificate', problem: `No certificate at the edge covers ${host}: TLS connections fail. The universal certificate covers example.test and one label under it.`, remedy: expect.stringContaining('Use a name one label under example.test (drawbridge:host), or order an advanced certificate') },
      { check: 'edge', problem: expect.stringContaining(`https://${host}/mcp cannot be reached from here`), remedy: expect.stringContaining('certificate') },
    ]);
  });
});

describe('a tunnel', () => {
  it('that has lost its connectors', async () => {
    await stopConnector();
    await until('nothing is connected', async () => (await api.zeroTrust.tunnels.cloudflared.get(tunnelId, { account_id: cloudflare.accountId })).status === 'down');
    expect(await findings()).toEqual([
      { check: 'tunnel', problem: 'The tunnel drawbridge-main has no connector any longer (down): Cloudflare answers 530, error 1033.', remedy: expect.stringContaining('port 7844') },
      { check: 'edge', problem: `Cloudflare answers for https://${HOST}/mcp in the server’s place: 530, Cloudflare’s error 1033.`, remedy: expect.stringContaining('tunnel') },
    ]);
  });

  it('that never had a connector', async () => {
    const never = await api.zeroTrust.tunnels.cloudflared.create({ account_id: cloudflare.accountId, name: 'drawbridge-other', config_src: 'cloudflare' });
    expect(never.status).toBe('inactive');
    expect(await findings({ stack: 'other' })).toContainEqual(expect.objectContaining({ check: 'tunnel', problem: expect.stringContaining('The tunnel drawbridge-other has no connector and never had one (inactive)') }));
  });

  it('that is gone', async () => {
    expect(await findings({ stack: 'gone' })).toEqual([{ check: 'tunnel', problem: 'There is no tunnel drawbridge-gone: somebody has deleted it.', remedy: expect.stringContaining('pulumi up --refresh') }]);
  });
});

describe('a check that cannot be made', () => {
  it('says what the token lacks, and the others are made', async () => {
    await bots({ fight_mode: true });
    const token = cloudflare.tokenWith(ALL_PERMISSIONS.filter((permission) => permission !== 'SSL and Certificates Read'));
    expect(await findings({ api: connect({ token, baseUrl: cloudflare.url }) })).toEqual([
      { check: 'certificate', problem: 'It is not known whether all is well here: reading the certificates of example.test: Cloudflare answered 403: Authentication error (code 10000).', remedy: 'Allow the token that: Zone → SSL and Certificates → Read.' },
      expect.objectContaining({ check: 'bots', problem: expect.stringContaining('Bot Fight Mode') }),
    ]);
  });

  it('says that Cloudflare does not answer', async () => {
    cloudflare.faults.failNext(/bot_management/, { status: 500 });
    expect(await findings()).toEqual([{ check: 'bots', problem: expect.stringContaining('reading the bot settings of example.test: Cloudflare answered 500'), remedy: 'Try again.' }]);
  });

  it('of a zone that the token does not see is the only one', async () => {
    expect(await findings({ zone: 'elsewhere.test' })).toEqual([expect.objectContaining({ check: 'zone', problem: expect.stringContaining('the token sees no zone elsewhere.test') })]);
  });
});
