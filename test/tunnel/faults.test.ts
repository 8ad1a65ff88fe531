import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as engine from '../../engine/index.ts';
import { ALL_PERMISSIONS } from '../cloudflare/permissions.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { Clone } from '../hosts/clone.ts';

const project = join(import.meta.dirname, '../..');
const zone = 'example.test';
const host = `mcp.${zone}`;
const publicAddress = '198.51.100.7';

/** The project, with the part of the program that has to do with Cloudflare as its program, and nothing that makes containers. */
function withoutContainers(): Clone {
  const clone = new Clone();
  clone.edit('package.json', (text) => text.replace('infra/index.ts', 'test/tunnel/inside/way-in.ts'));
  const packages = join(clone.directory, 'node_modules');
  unlinkSync(packages);
  mkdirSync(join(packages, '@pulumi/docker'), { recursive: true });
  const link = (folder: string) => {
    for (const name of readdirSync(join(project, 'node_modules', folder))) if (!['@pulumi', 'docker'].includes(name)) symlinkSync(join(project, 'node_modules', folder, name), join(packages, folder, name));
  };
  link('.');
  link('@pulumi');
  symlinkSync(join(clone.directory, 'test/tunnel/inside/no-docker.js'), join(packages, '@pulumi/docker/index.js'));
  writeFileSync(join(packages, '@pulumi/docker/package.json'), '{"type": "module", "main": "index.js"}');
  mkdirSync(join(clone.directory, 'bin'));
  writeFileSync(join(clone.directory, 'bin/docker'), '#!/bin/sh\n');
  chmodSync(join(clone.directory, 'bin/docker'), 0o755);
  return clone;
}

const clone = withoutContainers();
const before = { ...process.env };
process.env.PATH = `${join(clone.directory, 'bin')}:${before.PATH}`;
// Nobody asks for the names.
process.env.DRAWBRIDGE_DNS_WAIT = '0';
// Most of the time goes into starting programs.
process.env.NODE_COMPILE_CACHE = join(clone.directory, 'compiled');
afterAll(() => {
  process.env = before;
  clone.remove();
});

let cloudflare: CloudflareSimulation;
let token: string;
beforeEach(async () => {
  cloudflare = await CloudflareSimulation.start();
  token = cloudflare.tokenWith(ALL_PERMISSIONS);
  process.env.CLOUDFLARE_BASE_URL = cloudflare.url;
});
afterEach(async () => {
  await cloudflare.stop();
  rmSync(join(clone.directory, '.state'), { recursive: true, force: true });
});

type Tier = 'host' | 'tunnel';
const options = (tier: Tier): engine.StackOptions => {
  const config = {
    tier,
    host,
    profile: 'preview',
    auth: 'none',
    firewall: 'none',
    publicAddresses: [publicAddress],
    cloudflare: { accountId: cloudflare.accountId, zone, token: { secret: 'cloudflare' }, connectors: 1 },
    secrets: { cloudflare: token },
  };
  return { projectDirectory: clone.directory, stack: 'faults', stateDirectory: join(clone.directory, '.state'), config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value])) };
};

/** How often a program does it all again (cloudflare/program.ts): a fault that lasts longer ends the run. */
const ATTEMPTS = 3;
const WRITES = /^(POST|PUT|PATCH|DELETE) /;

/** What a tier has at Cloudflare is there, and nothing else. @param after what may have been in the way */
function expectStanding(tier: Tier | undefined, after?: string): void {
  const [record, ...others] = cloudflare.records(zone);
  const [tunnel] = cloudflare.leftovers().filter((one) => one.startsWith('tunnel '));
  const phase = 'http_request_cache_settings';
  const there = {
    host: { type: 'A', content: publicAddress, proxied: false },
    tunnel: { type: 'CNAME', content: expect.stringMatching(/^[0-9a-f-]{36}\.cfargotunnel\.com$/) as string, proxied: true },
  };
  if (tier) expect(record, after).toMatchObject({ ...there[tier], name: host, comment: 'drawbridge faults' });
  expect(others, after).toEqual([]);
  const ofTunnel = ['tunnel drawbridge-faults', `record CNAME ${host}`, `ruleset ${phase} of ${zone}`, expect.stringMatching(`^rule drawbridge faults: .* in ${phase} of ${zone}$`) as string];
  expect(cloudflare.leftovers(), after).toEqual(tier === 'tunnel' ? ofTunnel : tier === 'host' ? [`record A ${host}`] : []);
  // The record leads to the tunnel that is there, and that one has its routes.
  if (!tunnel) return;
  const [id] = record!.content.split('.') as [string];
  expect(cloudflare.connect(id, 'somebody').config, after).toMatchObject({ ingress: expect.arrayContaining([{ service: 'http_status:404' }]) as unknown });
  cloudflare.disconnect(id, 'somebody');
}

const life = [['is made', 'tunnel'], ['moves to a host', 'host'], ['moves back behind a tunnel', 'tunnel'], ['is removed', undefined]] as const;
const run = (tier: Tier | undefined) => (tier ? engine.up(options(tier)) : engine.down(options('tunnel')));

describe('a fault', () => {
  it('that lasts, at each call in turn that changes something, of which only the answer is lost: the next run completes it', { timeout: 1_800_000 }, async () => {
    const failed: Record<string, number> = {};
    for (let number = 1, met = true; met; number += 1) {
      met = false;
      for (const [step, tier] of life) {
        cloudflare.faults.failAt(number, { cut: 'after' }, ATTEMPTS, WRITES);
        const outcome = await run(tier).then(() => 'done', () => 'failed');
        if (cloudflare.faults.met > 0) {
          failed[step] = number;
          met = true;
        }
        cloudflare.faults.clear();
        if (outcome === 'failed') await run(tier);
        expectStanding(tier, `change ${number} lost as it ${step}`);
      }
    }
    console.log('  changing calls that failed in turn:', failed);
    expect(Object.keys(failed)).toEqual(life.map(([step]) => step));
  });

  it('at every call, reads as well, the first time that it is made', { timeout: 900_000 }, async () => {
    const runs: number[] = [];
    for (const [, tier] of life) {
      cloudflare.faults.failEachOnce({ status: 500 });
      let count = 1;
      while (await run(tier).then(() => false, () => true)) expect(count++).toBeLessThan(20);
      runs.push(count);
      cloudflare.faults.clear();
      expectStanding(tier);
    }
    console.log('  runs that it took:', runs.join(', '));
  });
});

it('that lasts while everything is removed is told with what is left, and nothing is forgotten', async () => {
  await run('tunnel');
  cloudflare.faults.failNext(/^DELETE .*\/cfd_tunnel\/[^/]+$/, { status: 503 }, 100);
  await expect(run(undefined)).rejects.toThrow(/tunnel/i);
  expect(cloudflare.leftovers()).toEqual(['tunnel drawbridge-faults']);
  cloudflare.faults.clear();
  await run(undefined);
  expectStanding(undefined);
});
