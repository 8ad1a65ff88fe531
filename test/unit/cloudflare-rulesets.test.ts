import type Cloudflare from 'cloudflare';
import type { BotManagementUpdateParams } from 'cloudflare/resources/bot-management/bot-management';
import type { RulesetGetResponse } from 'cloudflare/resources/rulesets/rulesets';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { all, refusal, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import type { Plan } from '../cloudflare/zones.ts';

/** Rulesets and bot settings of the simulation of Cloudflare's API, driven by Cloudflare's own SDK. */
let cloudflare: CloudflareSimulation;
let zone_id: string;
let api: Cloudflare;
const start = async (plan?: Plan) => {
  cloudflare = await CloudflareSimulation.start({ plan });
  zone_id = cloudflare.zoneId('example.test');
  api = sdk(cloudflare);
};
beforeEach(() => start());
afterEach(() => cloudflare.stop());

const phase = 'http_request_firewall_custom';
const block = (description: string, expression = 'http.host eq "a"') => ({ action: 'block' as const, description, expression });

describe('rulesets', () => {
  // The SDK's own types of what writes answer are unknown.
  const create = async (...rules: (ReturnType<typeof block> & { ref?: string })[]) => (await api.rulesets.create({ zone_id, kind: 'zone', name: 'mine', phase, rules })) as RulesetGetResponse;
  const descriptions = () => cloudflare.rules('example.test', phase).map(({ description }) => description);

  it('has no entry point of a phase before the first write', async () => {
    await expect(api.rulesets.phases.get(phase, { zone_id })).rejects.toEqual(refusal(404, 10003, `could not find entrypoint ruleset in the ${phase} phase`));
    expect(await api.rulesets.phases.update(phase, { zone_id, rules: [block('one')] })).toMatchObject({ kind: 'zone', phase, version: '1', rules: [{ description: 'one', enabled: true, version: '1' }] });
    expect(await api.rulesets.phases.get(phase, { zone_id })).toMatchObject({ rules: [{ description: 'one' }] });
  });

  it('has one entry point of a phase and no second', async () => {
    const { id } = await create(block('theirs'));
    await expect(create(block('ours'))).rejects.toEqual(refusal(400, 20217, `exceeded maximum number of zone rulesets for phase ${phase}`));
    expect(await all(api.rulesets.list({ zone_id }))).toMatchObject([{ id, phase, name: 'mine' }]);
    await api.rulesets.create({ zone_id, kind: 'zone', name: 'cache', phase: 'http_request_cache_settings', rules: [{ action: 'set_cache_settings', expression: 'true', action_parameters: { cache: false } }] });
    expect(cloudflare.leftovers()).toEqual([`ruleset ${phase} of example.test`, 'ruleset http_request_cache_settings of example.test', `rule theirs in ${phase} of example.test`, expect.stringMatching(/^rule .* in http_request_cache_settings/)]);
  });

  it('overwrites all rules of one, and keeps the ids of those that are known by id or reference', async () => {
    const { id, rules } = await create(block('theirs'), { ...block('ours'), ref: 'drawbridge' });
    const [, ours] = rules;
    const changed = await api.rulesets.update(id, { zone_id, kind: 'zone', phase, rules: [{ ...block('ours, changed'), ref: 'drawbridge' }] });
    expect(changed).toMatchObject({ version: '2', rules: [{ id: ours!.id, ref: 'drawbridge', version: '2', description: 'ours, changed' }] });
    expect(descriptions()).toEqual(['ours, changed']);
  });

  it('adds, moves, changes and deletes a single rule, and leaves the others', async () => {
    const { id, rules } = await create(block('theirs'));
    const theirs = rules[0]!;
    const added = (await api.rulesets.rules.create(id, { zone_id, ...block('ours'), position: { index: 1 } })) as RulesetGetResponse;
    expect(added.rules.map(({ description }) => description)).toEqual(['ours', 'theirs']);
    const ours = added.rules[0]!;
    await api.rulesets.rules.edit(ours.id!, { zone_id, ruleset_id: id, ...block('ours, changed'), position: { after: theirs.id } });
    expect(cloudflare.rules('example.test', phase)).toMatchObject([{ id: theirs.id, version: '1' }, { id: ours.id, version: '2', description: 'ours, changed' }]);
    await api.rulesets.rules.delete(ours.id!, { zone_id, ruleset_id: id });
    expect(descriptions()).toEqual(['theirs']);
    await api.rulesets.delete(id, { zone_id });
    await expect(api.rulesets.get(id, { zone_id })).rejects.toEqual(refusal(404, 10003));
  });

  it('has as many rules as the plan allows', async () => {
    const { id } = await create(...['1', '2', '3', '4', '5'].map((name) => block(name)));
    await expect(api.rulesets.rules.create(id, { zone_id, ...block('6') })).rejects.toEqual(refusal(400, 50001, `exceeded the maximum number of rules in the phase ${phase}: 6 out of 5`));
    expect(descriptions()).toHaveLength(5);
  });

  it('has regular expressions from the plan Business on', async () => {
    const rule = block('regular', 'http.request.uri.path matches "^/mcp"');
    await expect(create(rule)).rejects.toEqual(refusal(400, 20127, 'not entitled: the use of operator Matches is not allowed'));
    await cloudflare.stop();
    await start('business');
    expect(await create(rule)).toMatchObject({ version: '1' });
  });

  it('has no action of another phase', async () => {
    await expect(api.rulesets.create({ zone_id, kind: 'zone', name: 'cache', phase: 'http_request_cache_settings', rules: [block('x')] })).rejects.toEqual(refusal(400, 20021, "'block' is not a valid value for action"));
  });
});

describe('bot management', () => {
  it('blocks AI bots in a new zone, and changes what it is told to and nothing else', async () => {
    expect(await api.botManagement.get({ zone_id })).toMatchObject({ ai_bots_protection: 'block', fight_mode: false, using_latest_model: true });
    expect(await api.botManagement.update({ zone_id, fight_mode: true })).toMatchObject({ ai_bots_protection: 'block', fight_mode: true });
    await api.botManagement.update({ zone_id, ai_bots_protection: 'disabled' });
    expect(cloudflare.bots('example.test')).toMatchObject({ ai_bots_protection: 'disabled', fight_mode: true });
    expect(cloudflare.leftovers()).toEqual(['bot setting ai_bots_protection of example.test: disabled', 'bot setting fight_mode of example.test: true']);
  });

  it.each<[Plan, BotManagementUpdateParams, string]>([
    ['free', { zone_id: '', sbfm_verified_bots: 'allow' }, 'sbfm_verified_bots'],
    ['pro', { zone_id: '', fight_mode: true }, 'fight_mode'],
    ['pro', { zone_id: '', sbfm_likely_automated: 'allow' }, 'sbfm_likely_automated'],
    ['business', { zone_id: '', suppress_session_score: true }, 'suppress_session_score'],
  ])('refuses in the plan %s what that plan has not', async (plan, settings, field) => {
    await cloudflare.stop();
    await start(plan);
    await expect(api.botManagement.update({ ...settings, zone_id })).rejects.toEqual(refusal(400, 1000, field));
  });
});
