import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
import type { Report } from '../../cli/verify.ts';
import { npmRun } from '../support/npm-run.ts';
import { outputs, stack } from '../support/outputs.ts';
import { RecordingBackend } from '../support/recording-backend.ts';
import { RECORDER_PORT } from '../support/stack-servers.ts';
import { host, simulation, zone } from './internet.ts';
import { tunnelConfig } from './stack.ts';

const cloudflare = inject('cloudflare');
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-tunnel-verify-'));
const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
const outputsFile = join(folder, 'outputs.json');
// As whoever else calls a server of the shared config.
const recorder = new RecordingBackend('stateful');

const configure = (changes: object = {}) =>
  writeFileSync(stackFile, stringify({ config: Object.fromEntries(Object.entries({ ...tunnelConfig(cloudflare), ...changes }).map(([key, value]) => [`drawbridge:${key}`, value])) }), { mode: 0o600 });

async function verify(...options: string[]): Promise<Report> {
  const { code, stdout, stderr } = await npmRun('verify', '--stack', stack, '--outputs', outputsFile, '--json', ...options);
  if (!stdout) throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(report.ok ? 0 : 1);
  return report;
}
/** What failed, each once though there are several servers and documents, and what was found. */
const failures = ({ checks }: Report) => new Map(checks.filter(({ result }) => result === 'failed').map(({ check, found }) => [check.replace(/^https:\S+/, 'a document'), found]));

async function asCloudflare(method: string, path: string, body: object): Promise<{ result: { id: string; rules: { id: string }[] } }> {
  const id = await simulation<string>(cloudflare, 'zoneId', zone);
  const headers = { authorization: `Bearer ${cloudflare.token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${cloudflare.api}/zones/${id}/${path}`, { method, headers, ...(method !== 'GET' && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { result: { id: string; rules: { id: string }[] } };
}

describe('a stack behind a tunnel, as its clients see it through the edge', { timeout: 300_000 }, () => {
  beforeAll(async () => {
    configure();
    writeFileSync(outputsFile, JSON.stringify(outputs), { mode: 0o600 });
    await recorder.start(RECORDER_PORT, '0.0.0.0');
    // Which new zones are not set to.
    await asCloudflare('PUT', 'bot_management', { ai_bots_protection: 'disabled' });
  });
  afterAll(async () => {
    await recorder.stop();
    // As new zones are: the run looks whether anything is left of it.
    await asCloudflare('PUT', 'bot_management', { ai_bots_protection: 'block' });
    rmSync(stackFile, { force: true });
    rmSync(folder, { recursive: true });
  });

  it('passes, each of its servers with a token of its own that no other one takes', async () => {
    const report = await verify();
    expect(failures(report)).toEqual(new Map());
    const passed = report.checks.filter(({ result }) => result === 'passed').map(({ check }) => check);
    const servers = Object.keys(outputs.resources).length;
    for (const check of ['it lists the tools', 'a token for another server of the stack is refused (RFC 8707 §2)']) expect(passed.filter((one) => one === check)).toHaveLength(servers);
    expect(passed).toEqual(expect.arrayContaining(['an answer that is a stream is kept alive while it is silent', 'tells browsers to come by https only (HSTS)', 'the ports of what is behind the front are not open to the outside']));
  });

  it('fails where Cloudflare keeps assistants out (“Block AI bots”)', async () => {
    await asCloudflare('PUT', 'bot_management', { ai_bots_protection: 'block' });
    try {
      const found = failures(await verify('--quick'));
      expect([...found.keys()]).toEqual(['and whatever a client calls itself: nothing on the way keeps assistants out']);
      expect([...found.values()][0]).toMatch(/^403/);
    } finally {
      await asCloudflare('PUT', 'bot_management', { ai_bots_protection: 'disabled' });
    }
  });

  it('fails where a rule has Cloudflare keep the documents', async () => {
    const phase = 'rulesets/phases/http_request_cache_settings/entrypoint';
    const { result: ruleset } = await asCloudflare('GET', phase, {});
    const rule = { description: 'everything', expression: `http.host eq "${host}"`, action: 'set_cache_settings', action_parameters: { cache: true, edge_ttl: { mode: 'override_origin', default: 1 } } };
    const { result: changed } = await asCloudflare('POST', `rulesets/${ruleset.id}/rules`, rule);
    try {
      const found = failures(await verify('--quick'));
      expect([...found.values()].every((one) => /one that Cloudflare keeps \(cf-cache-status: (MISS|HIT|EXPIRED)\)/.test(one!))).toBe(true);
      expect([...found.keys()]).toContain('a document names the resource and its issuer (RFC 9728)');
    } finally {
      await asCloudflare('DELETE', `rulesets/${ruleset.id}/rules/${changed.rules.at(-1)!.id}`, {});
    }
  });

  it('fails where the config has an allow-list and the front does not', async () => {
    configure({ dataPlaneAllowlist: ['192.0.2.0/24'] });
    try {
      expect(failures(await verify('--quick'))).toEqual(new Map([['calls are taken from 192.0.2.0/24 only, as the config says (dataPlaneAllowlist)', 'that they are let in']]));
    } finally {
      configure();
    }
  });

  it('passes again once all is put back', async () => {
    expect(failures(await verify('--quick'))).toEqual(new Map());
  });
});
