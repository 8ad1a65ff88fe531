import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { atCloudflare } from '../../cli/previews/at-cloudflare.ts';
import { connect } from '../../cloudflare/api.ts';
import { ALL_PERMISSIONS } from '../cloudflare/permissions.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

describe('what a receipt finds at Cloudflare', () => {
  let simulation: CloudflareSimulation;
  beforeEach(async () => {
    simulation = await CloudflareSimulation.start();
    vi.stubEnv('CLOUDFLARE_BASE_URL', simulation.url);
    vi.stubEnv('CLOUDFLARE_API_TOKEN', simulation.tokenWith(ALL_PERMISSIONS));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await simulation.stop();
  });
  const settings = () => ({ accountId: simulation.accountId, zone: 'example.test', token: { secret: 'cloudflare' } }) as Parameters<typeof atCloudflare>[1];

  it('is the records and tunnels of that stack, and of no other, whose name may begin like it', async () => {
    const api = connect({ token: process.env.CLOUDFLARE_API_TOKEN! });
    const zone_id = simulation.zoneId('example.test');
    for (const stack of ['pr-1', 'pr-12']) {
      await api.dns.records.create({ zone_id, type: 'A', name: `${stack}.example.test`, content: '203.0.113.7', ttl: 1, proxied: true, comment: `drawbridge ${stack}` });
      await api.zeroTrust.tunnels.cloudflared.create({ account_id: simulation.accountId, name: `drawbridge-${stack}`, config_src: 'cloudflare' });
    }
    expect(await atCloudflare('pr-1', settings())).toEqual({ dns: ['A pr-1.example.test → 203.0.113.7'], tunnels: ['drawbridge-pr-1'], unchecked: [] });
    expect(await atCloudflare('pr-2', settings())).toEqual({ dns: [], tunnels: [], unchecked: [] });
  });

  it('is not taken for nothing where nobody could look', async () => {
    vi.stubEnv('CLOUDFLARE_API_TOKEN', '');
    vi.stubEnv('CLOUDFLARE_BASE_URL', 'http://127.0.0.1:1/client/v4');
    expect((await atCloudflare('local', settings(), 'local')).unchecked).toEqual([expect.stringMatching(/CLOUDFLARE_API_TOKEN/)]);
  });

  it('is a failure where Cloudflare refuses to say', async () => {
    vi.stubEnv('CLOUDFLARE_API_TOKEN', 'not-one-of-theirs');
    await expect(atCloudflare('pr-1', settings())).rejects.toThrow(/Cloudflare answered/);
  });
});
