import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leave } from '../../cloudflare/account/leave.ts';
import { prepare } from '../../cloudflare/account/prepare.ts';
import type { Wanted } from '../../cloudflare/account/wanted.ts';
import { findStray } from '../../cloudflare/stray.ts';
import { ALL_PERMISSIONS, sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** Tunnels whose creation took effect although its answer was lost, against the simulation of Cloudflare's API. */
let cloudflare: CloudflareSimulation;
beforeEach(async () => void (cloudflare = await CloudflareSimulation.start()));
afterEach(() => cloudflare.stop());

const account = () => ({ account_id: cloudflare.accountId });
const tunnels = () => sdk(cloudflare).zeroTrust.tunnels.cloudflared;
const wanted = (stack = 's'): Wanted => ({ stack, accountId: cloudflare.accountId, zone: 'example.test', hosts: ['mcp.example.test'], tier: 'tunnel', adoptDns: false, manageBotSettings: false, rules: false });
const create = async (name = 'drawbridge-s') => (await tunnels().create({ ...account(), name, config_src: 'cloudflare' })).id!;
const configure = (id: string) => tunnels().configurations.update(id, { ...account(), config: { ingress: [{ hostname: '', service: 'http_status:404' }] } });
const find = (stack = 's', token = cloudflare.tokenWith(ALL_PERMISSIONS)) => findStray({ token, baseUrl: cloudflare.url, accountId: cloudflare.accountId, stack });
const prepared = (stack = 's') => ({ zone: 'example.test', accountId: cloudflare.accountId, tunnel: `drawbridge-${stack}` });
const prepareAgain = (stray: string) => prepare(sdk(cloudflare), wanted(), { stray, prepared: prepared() });
const standing = () => cloudflare.leftovers().filter((left) => left.startsWith('tunnel'));
const stray = (id: string, stack = 's') => `drawbridge-${stack}-stray-${id.slice(0, 8)}`;

describe('a stray', () => {
  it('is a tunnel of the stack’s name that was never configured and never connected', async () => {
    expect(await find()).toBe('');
    const id = await create();
    expect(await find()).toBe(id);
    await configure(id);
    expect(await find()).toBe('');
  });

  it('is none that a connector serves, wherever that has its rules from', async () => {
    const id = await create();
    cloudflare.connect(id, 'connector');
    expect(await find()).toBe('');
  });

  it('is none that has its routes from a file of somebody’s, and was not started yet', async () => {
    await tunnels().create({ ...account(), name: 'drawbridge-s', config_src: 'local' });
    expect(await find()).toBe('');
  });

  it('is none of another stack, and none that was deleted', async () => {
    for (const name of ['drawbridge-s-b', 'drawbridge-s-stray-b', 'drawbridge-S']) await create(name);
    const id = await create();
    await tunnels().delete(id, account());
    expect(await find()).toBe('');
  });

  it('is looked for by reading only, and not at all by a token that may not: what that lacks is said later', async () => {
    await create();
    const before = cloudflare.calls.length;
    await find();
    expect(new Set(cloudflare.calls.slice(before).map(({ method }) => method))).toEqual(new Set(['GET']));
    for (const token of [cloudflare.tokenWith(['DNS Write']), 'mistyped', 'no-token-at-all-but-long-enough-to-be-one']) expect(await find('s', token)).toBe('');
  });
});

describe('the tunnel’s name', () => {
  it('is freed by renaming the stray, which is deleted once another tunnel is in use', async () => {
    const id = await create();
    await prepareAgain(await find());
    expect(standing()).toEqual([`tunnel ${stray(id)}`]);
    const second = await create();
    await prepareAgain('');
    expect(standing()).toHaveLength(2);
    await configure(second);
    await prepareAgain('');
    expect(standing()).toEqual(['tunnel drawbridge-s']);
  });

  it('is given back to a stray that the state did know, since it was configured after all', async () => {
    const id = await create();
    await prepareAgain(await find());
    await configure(id);
    await prepareAgain(await find());
    expect(standing()).toEqual(['tunnel drawbridge-s']);
    expect(cloudflare.leftovers()).toHaveLength(1);
  });

  it('is not taken from a tunnel that is in use by now', async () => {
    const id = await create();
    const found = await find();
    await configure(id);
    await prepareAgain(found);
    expect(standing()).toEqual(['tunnel drawbridge-s']);
  });

  it('is freed on the very first run as well', async () => {
    const id = await create();
    expect(await prepare(sdk(cloudflare), wanted(), { stray: await find() })).toEqual(prepared());
    expect(standing()).toEqual([`tunnel ${stray(id)}`]);
  });
});

describe('stacks whose names begin alike', () => {
  it('keep their tunnels and strays when one of them leaves', async () => {
    const others = ['drawbridge-a-b', 'drawbridge-a-stray-b', 'drawbridge-a-stray-0123abcd', 'drawbridge-ab', 'drawbridge-a-stray-'];
    for (const name of others) await create(name);
    const [ofAStrayB, ofA] = [await create('elsewhere'), await create('drawbridge-a')];
    await tunnels().edit(ofAStrayB, { ...account(), name: stray(ofAStrayB, 'a-stray-b') });
    const strayOfA = await create('another');
    await tunnels().edit(strayOfA, { ...account(), name: stray(strayOfA, 'a') });
    expect(await leave(sdk(cloudflare), wanted('a'), prepared('a'))).toBe(`DNS: nothing of the stack was left; tunnels: removed drawbridge-a, ${stray(strayOfA, 'a')}`);
    expect(standing().sort()).toEqual([...others, stray(ofAStrayB, 'a-stray-b')].map((name) => `tunnel ${name}`).sort());
    expect(ofA).not.toBe(strayOfA);
  });
});
