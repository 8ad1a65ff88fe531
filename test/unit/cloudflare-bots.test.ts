import type Cloudflare from 'cloudflare';
import type { BotManagementUpdateParams } from 'cloudflare/resources/bot-management/bot-management';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../cloudflare/api.ts';
import { allowBots, type Memory, rememberBots, restoreBots } from '../../cloudflare/bots/act.ts';
import type { BotSettings } from '../cloudflare/bot-management.ts';
import type { Fault } from '../cloudflare/faults.ts';
import { ALL_PERMISSIONS, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import type { Plan } from '../cloudflare/zones.ts';
import { runCloudflare } from '../support/cloudflare-program.ts';

let cloudflare: CloudflareSimulation;
const start = async (plan?: Plan) => void (cloudflare = await CloudflareSimulation.start({ plan }));
beforeEach(() => start());
afterEach(() => cloudflare.stop());

const bots = (act: 'remember' | 'allow' | 'restore', before?: string) => runCloudflare(cloudflare, ['bots', act], { stack: 'main', zone: 'example.test' }, before === undefined ? {} : { PULUMI_COMMAND_STDOUT: before, PULUMI_COMMAND_STDERR: '' });
const settings = () => cloudflare.bots('example.test');
const set = (to: BotSettings) => sdk(cloudflare).botManagement.update({ zone_id: cloudflare.zoneId('example.test'), ...to } as BotManagementUpdateParams);
const writes = () => cloudflare.calls.filter(({ method }) => method === 'PUT');

describe('bot settings', () => {
  it('let assistants in, and are put back as they were', async () => {
    const { code, stdout, stderr } = await bots('allow');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{"ai_bots_protection":"block"}', stderr: '' });
    expect(settings().ai_bots_protection).toBe('disabled');
    expect(await bots('restore', stdout)).toEqual({ code: 0, stdout: 'Bot settings put back: ai_bots_protection: block.', stderr: '' });
    expect(cloudflare.leftovers()).toEqual([]);
  });

  it.each<[Plan, BotSettings]>([
    ['free', { ai_bots_protection: 'block', ai_user: 'block', crawler_protection: 'enabled', content_bots_protection: 'block', fight_mode: true }],
    ['pro', { ai_bots_protection: 'block', sbfm_definitely_automated: 'managed_challenge', sbfm_verified_bots: 'block' }],
    ['business', { ai_bots_protection: 'block', sbfm_definitely_automated: 'block', sbfm_likely_automated: 'managed_challenge', sbfm_verified_bots: 'block' }],
    ['enterprise', { ai_bots_protection: 'block', ai_user: 'block' }],
  ])('change all that keeps them out in the plan %s, and nothing else', async (plan, blocking) => {
    await cloudflare.stop();
    await start(plan);
    await set({ ...blocking, is_robots_txt_managed: true, enable_js: true });
    const before = settings();
    const { code, stdout } = await bots('allow');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(blocking);
    const changed = Object.entries(settings()).filter(([field, value]) => before[field as keyof BotSettings] !== value);
    expect(changed.map(([field]) => field).toSorted()).toEqual(Object.keys(blocking).toSorted());
    expect(changed.every(([, value]) => value === 'disabled' || value === 'allow' || value === false)).toBe(true);
    await bots('restore', stdout);
    expect(settings()).toEqual(before);
  });

  it('are not written where they keep nobody out', async () => {
    await set({ ai_bots_protection: 'only_on_ad_pages' });
    cloudflare.calls.length = 0;
    expect(await bots('allow')).toMatchObject({ code: 0, stdout: '{}' });
    expect(await bots('restore', '{}')).toMatchObject({ code: 0, stdout: 'Bot settings: nothing to put back.' });
    expect(writes()).toEqual([]);
  });

  it('are remembered over later runs, and as somebody set them in between', async () => {
    const { stdout: first } = await bots('allow');
    expect((await bots('allow', first)).stdout).toBe(first);
    await set({ fight_mode: true });
    const { stdout: later } = await bots('allow', first);
    expect(JSON.parse(later)).toEqual({ ai_bots_protection: 'block', fight_mode: true });
    await bots('restore', later);
    expect(settings()).toMatchObject({ ai_bots_protection: 'block', fight_mode: true });
  });

  it('can be remembered before anything is changed', async () => {
    expect(await bots('remember')).toMatchObject({ code: 0, stdout: '{"ai_bots_protection":"block"}' });
    expect(writes()).toEqual([]);
  });

  it('that somebody has changed since are left, and it is said', async () => {
    const { stdout } = await bots('allow');
    await set({ ai_bots_protection: 'only_on_ad_pages' });
    expect((await bots('restore', stdout)).stdout).toBe('Bot settings put back: none.\n“Block AI bots” (ai_bots_protection) was left as it is: somebody has set it to only_on_ad_pages since; before Drawbridge it was block.');
    expect(settings().ai_bots_protection).toBe('only_on_ad_pages');
  });

  it('that somebody has put back already are not written', async () => {
    const { stdout } = await bots('allow');
    await set({ ai_bots_protection: 'block' });
    cloudflare.calls.length = 0;
    expect(await bots('restore', stdout)).toMatchObject({ code: 0 });
    expect(writes()).toEqual([]);
  });

  it('are left for another stack in the zone, and it is said what to put back', async () => {
    const { stdout } = await bots('allow');
    await runCloudflare(cloudflare, ['rules', 'apply'], { stack: 'other', zone: 'example.test', bypassCache: [{ host: 'b.example.test', path: '/mcp', match: 'exact' }] });
    expect((await bots('restore', stdout)).stdout).toBe('The stack other needs the zone’s bot settings as they are. Once it is gone, put back by hand: ai_bots_protection: block.');
    expect(settings().ai_bots_protection).toBe('disabled');
  });

  it('of a token that may not change them stay as they are', async () => {
    const token = cloudflare.tokenWith(ALL_PERMISSIONS.map((permission) => (permission === 'Bot Management Write' ? 'Bot Management Read' : permission)));
    const { code, stderr } = await runCloudflare(cloudflare, ['bots', 'allow'], { stack: 'main', zone: 'example.test' }, { CLOUDFLARE_API_TOKEN: token });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^changing the bot settings of example\.test: Cloudflare answered 403: Authentication error \(code 10000\)\.\nThe token was revoked/);
  });
});

describe.each<[string, Fault]>([
  ['an error', { status: 500 }],
  ['a cut before its effect', { cut: 'before' }],
  ['a cut after its effect', { cut: 'after' }],
])('with %s at any call, what was there is neither lost nor left', (_, fault) => {
  const wanted = { stack: 'main', zone: 'example.test' };

  /** Lets each call of an act go wrong in a run of its own, and then runs it again. */
  async function stumbling(act: (api: Cloudflare) => Promise<unknown>, check: () => void, before: () => Promise<unknown>) {
    const api = connect({ token: cloudflare.tokenWith(ALL_PERMISSIONS), baseUrl: cloudflare.url });
    for (let call = 1, met = 1; met > 0; call += 1) {
      await before();
      cloudflare.faults.failAt(call, fault);
      const result = await act(api).catch((error: unknown) => error);
      met = cloudflare.faults.met;
      if (met > 0) expect(result, `call ${call}`).toMatchObject({ passing: true });
      cloudflare.faults.clear();
      await act(api);
      check();
      expect(call).toBeLessThan(20);
    }
  }

  it('when it is changed', async () => {
    let memory: Memory = {};
    const act = async (api: Cloudflare) => {
      memory = await rememberBots(api, wanted, memory);
      await allowBots(api, wanted);
    };
    await stumbling(act, () => expect([memory, settings().ai_bots_protection]).toEqual([{ ai_bots_protection: 'block' }, 'disabled']), async () => {
      await set({ ai_bots_protection: 'block' });
      memory = {};
    });
  });

  it('when it is put back', async () => {
    const memory = { ai_bots_protection: 'block' };
    await stumbling((api) => restoreBots(api, wanted, memory), () => expect(cloudflare.leftovers()).toEqual([]), () => set({ ai_bots_protection: 'disabled' }));
  });

  it('by a program that has no memory yet, and whose write is repeated', async () => {
    cloudflare.faults.failNext(/^PUT/, fault);
    expect(await bots('allow')).toMatchObject({ code: 0, stdout: '{"ai_bots_protection":"block"}' });
  });
});
