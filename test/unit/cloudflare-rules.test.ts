import type Cloudflare from 'cloudflare';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../cloudflare/api.ts';
import { persistently } from '../../cloudflare/program.ts';
import { applyRules, removeRules } from '../../cloudflare/rules/act.ts';
import { PHASES, rulesFor, type WantedRules } from '../../cloudflare/rules/wanted.ts';
import type { Fault } from '../cloudflare/faults.ts';
import { ALL_PERMISSIONS } from '../cloudflare/permissions.ts';
import { sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import type { Plan } from '../cloudflare/zones.ts';
import { runCloudflare } from '../support/cloudflare-program.ts';
import { EdgeRoom, HOST } from '../support/edge-room.ts';

const [CACHE, FIREWALL] = PHASES;
const on = (...paths: string[]) => paths.map((path) => ({ host: HOST, path }));
const exactly = (...paths: string[]) => on(...paths).map((place) => ({ ...place, match: 'exact' as const }));
const wanted: WantedRules = { stack: 'main', zone: 'example.test', bypassCache: [...exactly('/mcp', '/mcp/', '/auth/x', '/.well-known/oauth-protected-resource'), { host: HOST, path: '/auth/', match: 'prefix' }] };
const restricted: WantedRules = { ...wanted, callers: { networks: ['160.79.104.0/21', '2001:db8::/32'], paths: on('/mcp', '/mcp/') } };

const start = (plan?: Plan) => CloudflareSimulation.start({ plan });
const apply = (cloudflare: CloudflareSimulation, what: WantedRules, token?: string) => runCloudflare(cloudflare, ['rules', 'apply'], what, token ? { CLOUDFLARE_API_TOKEN: token } : {});
const remove = (cloudflare: CloudflareSimulation, what: WantedRules) => runCloudflare(cloudflare, ['rules', 'remove'], what);
const described = (cloudflare: CloudflareSimulation, phase: string) => cloudflare.rules('example.test', phase).map(({ description }) => description);

/** Rules of somebody else's, in the phase’s entry point. */
async function theirs(cloudflare: CloudflareSimulation, phase: (typeof PHASES)[number], ...descriptions: string[]) {
  const rule = phase === CACHE ? { action: 'set_cache_settings', action_parameters: { cache: true } } : { action: 'log' };
  const rules = descriptions.map((description) => ({ ...rule, description, expression: 'http.host eq "www.example.test"' }));
  return sdk(cloudflare).rulesets.phases.update(phase, { zone_id: cloudflare.zoneId('example.test'), rules: rules as never });
}

describe('what a stack wants of its zone', () => {
  it('is that no answer of its MCP servers, sign-in and metadata is kept', () => {
    expect(rulesFor(wanted)).toEqual({
      http_request_cache_settings: {
        action: 'set_cache_settings',
        action_parameters: { cache: false },
        expression: '(starts_with(lower(http.host), "mcp.example.test") and (http.request.uri.path in {"/mcp" "/mcp/" "/.well-known/oauth-protected-resource"} or starts_with(http.request.uri.path, "/auth/")))',
        description: 'drawbridge main: answers that are never kept',
      },
      http_request_firewall_custom: undefined,
    });
  });

  it('is that only those on the list call MCP servers, over IPv4 and IPv6, each host with its paths', () => {
    const callers = { networks: ['160.79.104.0/21', '2001:db8::/32'], paths: [...on('/mcp', '/mcp/'), { host: 'b.example.test', path: '/x' }, ...on('/mcp')] };
    expect(rulesFor({ ...wanted, callers })[FIREWALL]).toEqual({
      action: 'block',
      expression: '((starts_with(lower(http.host), "mcp.example.test") and http.request.uri.path in {"/mcp" "/mcp/"}) or (starts_with(lower(http.host), "b.example.test") and http.request.uri.path in {"/x"})) and not ip.src in {160.79.104.0/21 2001:db8::/32}',
      description: 'drawbridge main: who may call MCP servers',
    });
  });

  it('is refused where Cloudflare would not take it: an expression has at most 4,096 characters', () => {
    const networks = Array.from({ length: 256 }, (_, third) => `198.51.${third}.0/24`);
    const paths = Array.from({ length: 200 }, (_, index) => `/a-server-with-a-long-name-${index}`);
    expect(() => rulesFor({ ...wanted, bypassCache: exactly(...paths), callers: { networks, paths: on('/mcp') } })).toThrow(
      /^The rule “drawbridge main: answers that are never kept” would have \d{4,} characters, and Cloudflare takes 4096: have fewer servers in one stack\.\nThe rule “drawbridge main: who may call MCP servers” would have \d{4,} characters, and Cloudflare takes 4096: list fewer and wider networks in drawbridge:dataPlaneAllowlist\.$/,
    );
  });
});

describe('at the edge', () => {
  let room: EdgeRoom;
  let asked: string[] = [];
  beforeEach(async () => {
    asked = [];
    room = await EdgeRoom.open((request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      response.end('answer');
    });
    const { http_request_cache_settings: cache, http_request_firewall_custom: firewall } = rulesFor({ ...restricted, callers: { networks: ['127.0.0.8/32'], paths: restricted.callers!.paths } });
    room.account.rulesets = { [CACHE]: [{ ...cache!, enabled: true }], [FIREWALL]: [{ ...firewall!, enabled: true }] };
  });
  afterEach(() => room.close());

  // The front takes the host in any case and with any port, and a path by the letter: what it would take must not have passed.
  it('no spelling of host or path brings a stranger to an MCP server', async () => {
    const paths = ['/mcp', '/mcp/', '/mcp?x=/y', '/%6dcp', '/%6Dcp%2F', '/%2e/mcp', '/x/../mcp', '/./mcp', '/mcp/.', '/MCP', '//mcp', '/mcp;x', '/mcp%00', '/mcp%3f', '/x%2f..%2fmcp'];
    for (const path of paths) for (const host of [HOST, HOST.toUpperCase(), `${HOST}:443`, `${HOST}:8443`]) await room.get(path, { headers: { host } });
    expect(asked.filter((one) => /^[^/]*\/mcp\/?(\?|$)/.test(one))).toEqual([]);
    expect(await room.get('/mcp')).toMatchObject({ status: 403, text: expect.stringContaining('Access denied') });
  });

  it('those on the list call, and everyone signs in and reads metadata', async () => {
    expect((await room.get('/mcp', { from: '127.0.0.8' })).status).toBe(200);
    for (const path of ['/auth/realms/main/protocol/openid-connect/auth', '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']) expect((await room.get(path)).status, path).toBe(200);
  });

  it('no answer is kept, whatever another rule of the zone says of all hosts', async () => {
    const everything = { expression: 'true', action: 'set_cache_settings', action_parameters: { cache: true, edge_ttl: { mode: 'override_origin', default: 60 } }, enabled: true };
    room.account.rulesets = { [CACHE]: [everything, ...room.account.rulesets[CACHE]!] };
    for (const path of ['/mcp/', '/auth/resources/a.css', '/.well-known/oauth-protected-resource']) expect((await room.get(path)).headers['cf-cache-status'], path).toBe('BYPASS');
    expect((await room.get('/elsewhere')).headers['cf-cache-status']).toBe('MISS');
  });
});

describe('rules', () => {
  let cloudflare: CloudflareSimulation;
  let api: Cloudflare;
  beforeEach(async () => {
    cloudflare = await start();
    api = connect({ token: cloudflare.tokenWith(ALL_PERMISSIONS), baseUrl: cloudflare.url });
  });
  afterEach(() => cloudflare.stop());

  /** Does something right after the first look at the custom rules. */
  function interfere(act: () => Promise<void>): void {
    const look = api.rulesets.phases.get.bind(api.rulesets.phases);
    const once = new Set([FIREWALL as string]);
    api.rulesets.phases.get = ((phase, params) => look(phase, params).finally(() => (once.delete(phase) ? act() : undefined))) as typeof look;
  }

  it('come, change, and go without a trace', async () => {
    expect(await apply(cloudflare, restricted)).toEqual({ code: 0, stdout: 'drawbridge main: answers that are never kept\ndrawbridge main: who may call MCP servers', stderr: '' });
    const [before] = cloudflare.rules('example.test', FIREWALL);
    const wider = { ...restricted, callers: { ...restricted.callers!, networks: ['0.0.0.0/0'] } };
    await apply(cloudflare, wider);
    expect(cloudflare.rules('example.test', FIREWALL)).toMatchObject([{ id: before!.id, expression: rulesFor(wider)[FIREWALL]!.expression, enabled: true }]);
    expect(await remove(cloudflare, wider)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it('are written once: what is as wanted is only read', async () => {
    await applyRules(api, restricted);
    cloudflare.calls.length = 0;
    await applyRules(api, restricted);
    expect(new Set(cloudflare.calls.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  it('are set right again when somebody turned one off or rewrote it', async () => {
    await applyRules(api, restricted);
    const zone_id = cloudflare.zoneId('example.test');
    const { id: ruleset_id, rules } = await sdk(cloudflare).rulesets.phases.get(FIREWALL, { zone_id });
    await sdk(cloudflare).rulesets.rules.edit(rules[0]!.id!, { ruleset_id, zone_id, action: 'block', expression: 'http.host eq "x"', enabled: false });
    await applyRules(api, restricted);
    expect(cloudflare.rules('example.test', FIREWALL)).toMatchObject([{ ...rulesFor(restricted)[FIREWALL], enabled: true }]);
  });

  it('are one of each: a second, which a repeated call left, goes', async () => {
    await applyRules(api, restricted);
    const zone_id = cloudflare.zoneId('example.test');
    const { id } = await api.rulesets.phases.get(FIREWALL, { zone_id });
    await api.rulesets.rules.create(id, { zone_id, ...rulesFor(restricted)[FIREWALL] } as never);
    await applyRules(api, restricted);
    expect(described(cloudflare, FIREWALL)).toEqual(['drawbridge main: who may call MCP servers']);
  });

  it('go with the list of callers', async () => {
    await applyRules(api, restricted);
    await applyRules(api, wanted);
    expect(cloudflare.leftovers()).toEqual([`ruleset ${CACHE} of example.test`, `rule drawbridge main: answers that are never kept in ${CACHE} of example.test`]);
  });

  it('stand where they decide, and leave others as they are and in their order: the last on caching, the first on callers', async () => {
    const before = [await theirs(cloudflare, CACHE, 'one', 'two'), await theirs(cloudflare, FIREWALL, 'one', 'two')] as { rules: object[] }[];
    const rules = before.map((ruleset) => ruleset.rules);
    await applyRules(api, restricted);
    expect(described(cloudflare, CACHE)).toEqual(['one', 'two', 'drawbridge main: answers that are never kept']);
    expect(described(cloudflare, FIREWALL)).toEqual(['drawbridge main: who may call MCP servers', 'one', 'two']);
    await removeRules(api, restricted);
    expect(PHASES.map((phase) => cloudflare.rules('example.test', phase))).toEqual(rules);
  });

  it('go back to where they decide when somebody put a rule before or behind them', async () => {
    await applyRules(api, restricted);
    for (const phase of PHASES) {
      const zone_id = cloudflare.zoneId('example.test');
      const { id } = await sdk(cloudflare).rulesets.phases.get(phase, { zone_id });
      const rule = phase === CACHE ? { action: 'set_cache_settings' } : { action: 'skip' };
      await sdk(cloudflare).rulesets.rules.create(id, { zone_id, ...rule, description: 'theirs', expression: 'true', ...(phase === FIREWALL && { position: { index: 1 } }) } as never);
    }
    await applyRules(api, restricted);
    expect(PHASES.map((phase) => described(cloudflare, phase))).toEqual([['theirs', 'drawbridge main: answers that are never kept'], ['drawbridge main: who may call MCP servers', 'theirs']]);
  });

  it('of two stacks in one zone do not touch each other, whatever their names', async () => {
    const other = { ...restricted, stack: 'main-2' };
    await applyRules(api, restricted);
    await applyRules(api, other);
    await applyRules(api, restricted);
    expect(described(cloudflare, CACHE)).toEqual(['drawbridge main: answers that are never kept', 'drawbridge main-2: answers that are never kept']);
    await removeRules(api, restricted);
    expect(described(cloudflare, CACHE)).toEqual(['drawbridge main-2: answers that are never kept']);
    await removeRules(api, other);
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it('leave a ruleset of somebody else’s, although it is empty', async () => {
    await theirs(cloudflare, FIREWALL);
    await applyRules(api, restricted);
    await removeRules(api, restricted);
    expect(cloudflare.leftovers()).toEqual([`ruleset ${FIREWALL} of example.test`]);
  });

  it('join a ruleset that somebody makes between a look and the first write', async () => {
    interfere(async () => void (await theirs(cloudflare, FIREWALL, 'one')));
    await persistently(() => applyRules(api, restricted));
    expect(described(cloudflare, FIREWALL)).toEqual(['drawbridge main: who may call MCP servers', 'one']);
  });

  it('are made anew where somebody deletes them, or the ruleset, between a look and a change', async () => {
    for (const call of ['rules', ''] as const) {
      await applyRules(api, restricted);
      const { id, rules } = await api.rulesets.phases.get(FIREWALL, { zone_id: cloudflare.zoneId('example.test') });
      interfere(async () => void (await fetch(`${cloudflare.url}/zones/${cloudflare.zoneId('example.test')}/rulesets/${id}${call && `/rules/${rules[0]!.id}`}`, { method: 'DELETE', headers: { authorization: `Bearer ${cloudflare.tokenWith(ALL_PERMISSIONS)}` } })));
      await persistently(() => applyRules(api, { ...restricted, callers: { ...restricted.callers!, networks: ['192.0.2.0/24'] } }));
      expect(cloudflare.rules('example.test', FIREWALL)).toMatchObject([{ expression: expect.stringContaining('192.0.2.0/24') }]);
    }
  });

  it('are written by a program whose write was done and its answer lost', async () => {
    cloudflare.faults.failNext(`POST /zones/${cloudflare.zoneId('example.test')}/rulesets`, { cut: 'after' });
    expect(await apply(cloudflare, restricted)).toMatchObject({ code: 0 });
    expect(PHASES.map((phase) => described(cloudflare, phase).length)).toEqual([1, 1]);
  });

  it('are refused before anything is written where the plan has no room, with the place where people make some', async () => {
    await theirs(cloudflare, FIREWALL, '1', '2', '3', '4', '5');
    const { code, stderr } = await apply(cloudflare, restricted);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'The zone example.test has 5 custom rules, as many as its plan (free) allows, and Drawbridge needs one more: delete one that is not used, or join two (Security → Security rules), or take a larger plan.' });
    expect(cloudflare.calls.map(({ method }) => method).filter((method) => method !== 'GET')).toEqual(['PUT']);
    expect(described(cloudflare, CACHE)).toEqual([]);
  });

  it('change where the plan is full of them already', async () => {
    await applyRules(api, restricted);
    const zone_id = cloudflare.zoneId('example.test');
    const { id } = await sdk(cloudflare).rulesets.phases.get(FIREWALL, { zone_id });
    for (const description of ['1', '2', '3', '4']) await sdk(cloudflare).rulesets.rules.create(id, { zone_id, action: 'block', description, expression: 'http.host eq "x"' });
    await applyRules(api, { ...restricted, callers: { ...restricted.callers!, networks: ['192.0.2.0/24'] } });
    expect(described(cloudflare, FIREWALL)).toHaveLength(5);
  });

  it('need no permission for a list that there is not', async () => {
    const modest = connect({ token: cloudflare.tokenWith(['Zone Read', 'Cache Settings Write']), baseUrl: cloudflare.url });
    await applyRules(modest, wanted);
    await removeRules(modest, wanted);
    expect(cloudflare.leftovers()).toEqual([]);
    await expect(removeRules(modest, restricted)).rejects.toThrow('reading the custom rules of example.test: Cloudflare answered 403');
  });

  it('need it until one is gone that an earlier run made, and say so', async () => {
    const earlier = await applyRules(api, restricted);
    const modest = connect({ token: cloudflare.tokenWith(['Zone Read', 'Cache Settings Write']), baseUrl: cloudflare.url });
    for (const act of [applyRules, removeRules]) await expect(act(modest, wanted, earlier)).rejects.toThrow(/A rule of the stack is there: the token needs Zone → Zone WAF → Edit until that one is gone/);
    expect(described(cloudflare, FIREWALL)).toEqual(['drawbridge main: who may call MCP servers']);
    expect(await applyRules(api, wanted, earlier)).toBe('drawbridge main: answers that are never kept');
    expect(described(cloudflare, FIREWALL)).toEqual([]);
  });

  it('say what a token lacks, and never the token', async () => {
    const token = cloudflare.tokenWith(ALL_PERMISSIONS.filter((permission) => permission !== 'Zone WAF Write'));
    const { code, stdout, stderr } = await apply(cloudflare, restricted, token);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^reading the custom rules of example\.test: Cloudflare answered 403: request is not authorized\.\nThe token was revoked, or may not do this: docs\/tunnel\.md says what/);
    expect(stderr).not.toContain(token);
  });
});

/** Each call in turn goes wrong in a run of its own, without the repetition that programs have; the next run makes it whole. */
describe.each<[string, Fault]>([
  ['an error', { status: 500 }],
  ['a cut before its effect', { cut: 'before' }],
  ['a cut after its effect', { cut: 'after' }],
])('with %s at any call', (_, fault) => {
  const narrower = { ...restricted, callers: { ...restricted.callers!, networks: ['192.0.2.0/24'] } };

  it.each<[string, boolean, typeof applyRules, WantedRules, WantedRules | undefined]>([
    ['the first rules of a zone', false, applyRules, restricted, undefined],
    ['rules among others', true, applyRules, restricted, undefined],
    ['a change', true, applyRules, narrower, restricted],
    ['the end of the list', false, applyRules, wanted, restricted],
    ['a removal of the last rules', false, removeRules, restricted, restricted],
    ['a removal from among others', true, removeRules, restricted, restricted],
  ])('%s', async (_, crowded, act, what, before) => {
    for (let call = 1, met = 1; met > 0; call += 1) {
      const cloudflare = await start();
      const api = connect({ token: cloudflare.tokenWith(ALL_PERMISSIONS), baseUrl: cloudflare.url });
      if (crowded) for (const phase of PHASES) await theirs(cloudflare, phase, 'one', 'two');
      const untouched = PHASES.map((phase) => cloudflare.rules('example.test', phase));
      if (before) await applyRules(api, before);
      cloudflare.faults.failAt(call, fault);
      const first = await act(api, what).catch((error: unknown) => error);
      met = cloudflare.faults.met;
      if (met > 0) expect(first, `call ${call}`).toMatchObject({ passing: true });
      cloudflare.faults.clear();
      await act(api, what);
      const ours = PHASES.map((phase) => cloudflare.rules('example.test', phase).filter(({ description }) => description!.startsWith('drawbridge ')));
      expect(ours, `call ${call}`).toMatchObject(PHASES.map((phase) => (act === applyRules && rulesFor(what)[phase] ? [{ ...rulesFor(what)[phase], enabled: true }] : [])));
      await removeRules(api, what);
      expect(PHASES.map((phase) => cloudflare.rules('example.test', phase)), `call ${call}`).toEqual(untouched);
      if (!crowded) expect(cloudflare.leftovers(), `call ${call}`).toEqual([]);
      await cloudflare.stop();
      expect(call).toBeLessThan(20);
    }
  });
});
