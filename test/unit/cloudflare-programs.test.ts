import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ALL_PERMISSIONS } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { type Ran, runCloudflare } from '../support/cloudflare-program.ts';

/** The programs of the room `cloudflare/` as commands run them: child processes, told by their environment only. */
const name = 'mcp.example.test';
const A = { type: 'A', name, content: '192.0.2.10', proxied: false };
const dns = { stack: 's', zone: 'example.test', adoptDns: false, records: [A] };
const account = (cloudflare: CloudflareSimulation) => ({ stack: 's', accountId: cloudflare.accountId, zone: 'example.test', hosts: [name], tier: 'tunnel', adoptDns: false, manageBotSettings: true, rules: true });

async function inRoom(act: (cloudflare: CloudflareSimulation, token: string) => Promise<void>): Promise<void> {
  const cloudflare = await CloudflareSimulation.start();
  await act(cloudflare, cloudflare.tokenWith(ALL_PERMISSIONS)).finally(() => cloudflare.stop());
}

async function timed(run: Promise<Ran>): Promise<Ran & { seconds: number }> {
  const begun = performance.now();
  return { ...(await run), seconds: (performance.now() - begun) / 1000 };
}

describe.concurrent('programs', { timeout: 120_000 }, () => {
  it('prepare, lead names, take them back and leave, each with exit code 0', () =>
    inRoom(async (cloudflare) => {
      const prepared = await runCloudflare(cloudflare, ['account', 'prepare'], account(cloudflare));
      expect(prepared).toEqual({ code: 0, stdout: JSON.stringify({ zone: 'example.test', accountId: cloudflare.accountId, tunnel: 'drawbridge-s' }), stderr: '' });
      expect(await runCloudflare(cloudflare, ['account', 'prepare'], account(cloudflare), { PULUMI_COMMAND_STDOUT: prepared.stdout, CLOUDFLARE_STRAY: '' })).toEqual(prepared);
      expect(await runCloudflare(cloudflare, ['account', 'prepare'], { ...account(cloudflare), tier: 'host' })).toMatchObject({ code: 0, stdout: JSON.stringify({ zone: 'example.test', accountId: cloudflare.accountId }) });
      expect(await runCloudflare(cloudflare, ['dns', 'apply'], dns)).toEqual({ code: 0, stdout: `DNS: A ${name} → 192.0.2.10.`, stderr: '' });
      expect(cloudflare.leftovers()).toEqual([`record A ${name}`]);
      expect(await runCloudflare(cloudflare, ['dns', 'remove'], dns)).toMatchObject({ code: 0 });
      expect(await runCloudflare(cloudflare, ['tunnel', 'remove'], account(cloudflare))).toEqual({ code: 0, stdout: 'tunnels removed: none was left', stderr: '' });
      expect(await runCloudflare(cloudflare, ['account', 'leave'], account(cloudflare), { PULUMI_COMMAND_STDOUT: prepared.stdout })).toEqual({ code: 0, stdout: 'DNS: nothing of the stack was left; tunnels: none was left', stderr: '' });
      expect(cloudflare.leftovers()).toEqual([]);
    }));

  it('end with exit code 1 and all that is wrong on standard error', () =>
    inRoom(async (cloudflare) => {
      const { code, stdout, stderr } = await runCloudflare(cloudflare, ['account', 'prepare'], account(cloudflare), { CLOUDFLARE_API_TOKEN: cloudflare.tokenWith(['Zone Read']) });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr.split('\n')).toHaveLength(6);
    }));

  it('end with exit code 2 for wrong use', () =>
    inRoom(async (cloudflare) => {
      expect(await runCloudflare(cloudflare, ['dns', 'destroy'], dns)).toEqual({ code: 2, stdout: '', stderr: 'Usage: CLOUDFLARE_WANTED=JSON CLOUDFLARE_API_TOKEN=… node cloudflare/dns.ts apply|remove' });
    }));

  it('use the token they are given, whatever else the environment has for Cloudflare, and say it nowhere', () =>
    inRoom(async (cloudflare, token) => {
      const foreign = { CLOUDFLARE_API_KEY: 'key', CLOUDFLARE_EMAIL: 'somebody@example.test', CLOUDFLARE_API_USER_SERVICE_KEY: 'service', CLOUDFLARE_LOG: 'debug' };
      expect(await runCloudflare(cloudflare, ['dns', 'apply'], dns, { ...foreign, CLOUDFLARE_API_TOKEN: token })).toEqual({ code: 0, stdout: `DNS: A ${name} → 192.0.2.10.`, stderr: '' });
      cloudflare.revoke(token);
      for (const bad of [token, `${token}\n`, ' '.repeat(3), 'žeton']) {
        const { code, stdout, stderr } = await runCloudflare(cloudflare, ['dns', 'apply'], dns, { CLOUDFLARE_API_TOKEN: bad, CLOUDFLARE_LOG: 'debug' });
        expect(code).toBe(1);
        expect(stdout + stderr).not.toContain(bad.trim() || '   ');
      }
    }));

  it('do again what stumbles for a moment, although a call took effect whose answer was lost', () =>
    inRoom(async (cloudflare) => {
      cloudflare.faults.failNext(/batch/, { cut: 'after' });
      expect(await runCloudflare(cloudflare, ['dns', 'apply'], dns)).toMatchObject({ code: 0, stderr: '' });
      expect(cloudflare.faults.met).toBe(1);
      expect(cloudflare.calls.filter(({ path }) => path.endsWith('batch'))).toHaveLength(1);
    }));

  it.each([
    [{ status: 500 } as const, /^changing the DNS records of example\.test: Cloudflare answered 500: Internal error \(code 10001\)\.$/],
    [{ cut: 'before' } as const, /^changing the DNS records of example\.test: the connection to Cloudflare’s API failed \(\w+\)\.$/],
  ])('say within seconds what does not come to an end (%j), and the next run completes it', (fault, said) =>
    inRoom(async (cloudflare) => {
      cloudflare.faults.failNext(/batch/, fault, 3);
      const { seconds, ...ran } = await timed(runCloudflare(cloudflare, ['dns', 'apply'], dns));
      expect(ran).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(said) });
      expect(seconds).toBeLessThan(45);
      expect(await runCloudflare(cloudflare, ['dns', 'apply'], dns)).toMatchObject({ code: 0 });
      expect(cloudflare.records('example.test')).toHaveLength(1);
    }));

  it('do not wait minutes because Cloudflare says so: people are told', () =>
    inRoom(async (cloudflare) => {
      cloudflare.faults.failNext(/zones/, { status: 429, retryAfter: 300 });
      const { seconds, stderr } = await timed(runCloudflare(cloudflare, ['dns', 'apply'], dns));
      expect(stderr).toBe('finding the zone example.test: Cloudflare answered 429: Please wait and consider throttling your request speed (code 971). Too many calls for the moment: try again in 300 seconds.');
      expect(seconds).toBeLessThan(45);
    }));

  it('give up on an API that is not there, or says nothing', () =>
    inRoom(async (cloudflare) => {
      const silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const base = (at: number) => ({ CLOUDFLARE_BASE_URL: `http://127.0.0.1:${at}/client/v4` });
      const { stderr, seconds } = await timed(runCloudflare(cloudflare, ['dns', 'apply'], dns, base(port)));
      expect(stderr).toBe('finding the zone example.test: Cloudflare’s API did not answer within 10 seconds.');
      expect(seconds).toBeLessThan(45);
      silent.close();
      expect(await runCloudflare(cloudflare, ['dns', 'apply'], dns, base(port))).toEqual({ code: 1, stdout: '', stderr: 'finding the zone example.test: the connection to Cloudflare’s API failed (ECONNREFUSED).' });
    }));
});
