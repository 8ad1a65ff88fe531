import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { lookAtDns } from '../../cli/drift/dns.ts';
import { findingsOf, firewallFindings, seenFindings, upByPulumi } from '../../cli/drift/findings.ts';
import { configurationDifferences } from '../../cli/drift/front.ts';
import { parseExport, parsePreview, previewByPulumi } from '../../cli/drift/pulumi.ts';
import { seenOf } from '../../cli/drift/realm.ts';
import { refreshOf } from '../../cli/drift/seen.ts';
import { driftLines } from '../../cli/drift/text.ts';
import { applyDns } from '../../cloudflare/dns/change.ts';
import type { WantedDns } from '../../cloudflare/dns/records.ts';
import { parseConfig } from '../../infra/config.ts';
import { readOnly } from '../../keycloak/applier/connection.ts';
import { sdk } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';

const urn = (type: string, name: string) => `urn:pulumi:s::drawbridge::${type}::${name}`;
const container = urn('docker:index/container:Container', 'server');
const command = urn('command:local:Command', 'keycloak-realm');

describe('a finding', () => {
  it('is said as expected, found, and what `up` would do, and where the way back is', () => {
    const findings = findingsOf([{ kind: 'planned', urn: container, type: 'docker:index/container:Container', name: 'server', action: 'replace', differences: [{ path: 'envs.LOG_LEVEL', expected: 'info', found: 'debug' }] }], []);
    expect(driftLines({ stack: 's', ok: false, findings, beside: ['realm main: client mine was added by hand'], unknown: [] }, 'npm run up -- --stack s --refresh')).toEqual([
      'container server: envs.LOG_LEVEL',
      '  expected  info',
      '  found     debug',
      '  up        replaces it',
      '',
      'Beside what is the stack’s; `up` leaves it:',
      '  - realm main: client mine was added by hand',
      '',
      'Stack s: 1 difference from its config. `npm run up -- --stack s --refresh` makes it as it should be.',
    ]);
  });

  it('is none where nothing differs, and nothing is certain where something could not be looked at', () => {
    const long = `{"port":8080,"issuer":"${'x'.repeat(300)}`;
    const [, expected, found] = driftLines({ stack: 's', ok: false, findings: [{ what: 'container server', path: 'envs.X', expected: `${long}","tier":"host"}`, found: `${long}","tier":"tunnel"}`, up: 'replaces it' }], beside: [], unknown: [] }, 'up');
    expect([expected, found]).toEqual([expect.stringMatching(/^ {2}expected {2}…x+","tier":"host"}$/), expect.stringMatching(/^ {2}found {5}…x+","tier":"tunnel"}$/)]);
    expect(driftLines({ stack: 's', ok: true, findings: [], beside: [], unknown: [] }, 'up')).toEqual(['Stack s is as its config says.']);
    expect(driftLines({ stack: 's', ok: false, findings: [], beside: [], unknown: ['realm: no answer'] }, 'up')).toEqual(['Could not be looked at:', '  - realm: no answer', '', 'Stack s: whether it is as its config says is not known.']);
  });

  it('carries nothing to the terminal that would steer it', () => {
    const [finding] = findingsOf([], [{ urn: command, what: 'realm main', differences: [{ path: 'displayName', expected: 'x', found: '\u001b[2Jowned' }] }]);
    expect(driftLines({ stack: 's', ok: false, findings: [finding!], beside: [], unknown: [] }, 'up').join('\n')).not.toContain('\u001b');
  });

  it('of what a command has set is told by what was seen, and not by the command; consequences are none of their own', () => {
    const step = (name: string, reason: string) => ({ kind: 'planned', urn: urn('command:local:Command', name), type: 'command:local:Command', name, action: 'update', reason }) as const;
    const seen = [{ urn: command, what: 'realm main', differences: [{ path: 'accessTokenLifespan', expected: '300', found: '600' }] }];
    expect(findingsOf([step('keycloak-realm', 'changed: stdin'), step('ingress-serving', 'certificates is replaced')], seen)).toEqual([{ what: 'realm main', path: 'accessTokenLifespan', expected: '300', found: '600', up: 'sets it so again' }]);
    expect(refreshOf(seen)).toEqual({ [command]: [{ path: 'realm main accessTokenLifespan', expected: '300', found: '600' }] });
  });

  it('of a firewall names the command that mends it: `up` does not look there', () => {
    const state = { table: 'changed', atStart: true, enforcers: ['ufw'], opened: false, surplus: false, docker: true } as const;
    const findings = firewallFindings('local', state, 'npm run host -- firewall --stack s');
    expect(findings.map(({ path, expected, found }) => [path, expected, found])).toEqual([['table', 'in force', 'changed'], ['ports of the stack', 'opened', 'not all opened']]);
    expect(findings[0]!.up).toBe('leaves it: `npm run host -- firewall --stack s` sets it anew');
    expect(firewallFindings('local', { ...state, table: 'in force', opened: true }, '')).toEqual([]);
  });
});

describe('the realm', () => {
  it('is told as the applier would change it, without any secret', () => {
    const differences = [{ path: 'clientSecret', expected: 'a', found: 'b' }, { path: 'config', expected: { clientSecret: 'a', x: 1 }, found: undefined }];
    expect(seenOf(command, 'main', { what: 'identity provider github', differences })).toEqual({
      urn: command,
      what: 'realm main: identity provider github',
      differences: [{ path: 'clientSecret', expected: '[secret]', found: '[secret]' }, { path: 'config', expected: '{"clientSecret":"[secret]","x":1}', found: 'nothing' }],
    });
    expect(seenOf(command, 'main', 'created scope files:read')).toMatchObject({ what: 'realm main: scope files:read', differences: [{ expected: 'there', found: 'gone' }] });
    expect(seenOf(command, 'main', 'deleted mapper evil of scope mcp:read')).toMatchObject({ what: 'realm main: mapper evil of scope mcp:read', differences: [{ expected: 'not there', found: 'there' }] });
  });

  it('is only looked at: no call that could change it is made, whatever it is called', async () => {
    const called: string[] = [];
    const resource = new Proxy({}, { get: (_, name) => async () => (called.push(String(name)), ['found']) });
    const admin = readOnly({ clients: resource } as never);
    expect(await admin.clients.find()).toEqual(['found']);
    for (const method of ['create', 'update', 'del', 'addDefaultClientScope', 'delOptionalClientScope', 'generateNewClientSecret', 'somethingNew'] as const) await (admin.clients as unknown as Record<string, () => Promise<unknown>>)[method]!();
    expect(called).toEqual(['find']);
  });
});

describe('the front', () => {
  const text = 'waiting\n# serving\nhttp {\n  listen 443;\n  gzip off;\n}\n';
  const read = ['http {\n  listen 443;\n  gzip off;\n}', 'waiting'] as const;

  it('has no difference where it has its configuration and nginx reads it, with a certificate or yet without', () => {
    expect(configurationDifferences(text, text, [...read, read[0]])).toEqual([]);
    expect(configurationDifferences(text, text, [...read, read[1]])).toEqual([]);
  });

  it('has one where the configuration was edited, line by line', () => {
    const edited = text.replace('gzip off;', 'gzip on;').replace('listen 443;', 'listen 443;\n  listen 80;');
    expect(configurationDifferences(text, edited, [...read, edited])).toEqual([
      { path: 'configuration', expected: 'gzip off;', found: 'listen 80;' },
      { path: 'configuration', expected: 'no such line', found: 'gzip on;' },
    ]);
  });

  it('has one where only the file that nginx reads was edited', () => {
    expect(configurationDifferences(text, text, [...read, `${read[0]}\n# by hand`])).toEqual([{ path: 'what nginx reads', expected: 'no such line', found: '# by hand' }]);
  });
});

describe('DNS behind a tunnel', () => {
  let cloudflare: CloudflareSimulation;
  const name = 'mcp.example.test';
  const wanted: WantedDns = { stack: 's', zone: 'example.test', adoptDns: false, records: [{ type: 'CNAME', name, content: 'abc.cfargotunnel.com', proxied: true }] };
  beforeEach(async () => {
    cloudflare = await CloudflareSimulation.start({ zones: ['example.test'] });
    vi.stubEnv('CLOUDFLARE_BASE_URL', cloudflare.url);
    await applyDns(sdk(cloudflare), wanted, '', async () => {});
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await cloudflare.stop();
  });
  const look = (token = cloudflare.tokenWith(['Zone Read', 'DNS Read'])) => {
    const inputs = { environment: { CLOUDFLARE_WANTED: JSON.stringify(wanted), CLOUDFLARE_API_TOKEN: token } };
    return lookAtDns({ stack: 's', config: parseConfig({ profile: 'local' }), wanted: [{ urn: 'dns', type: 'command:local:Command', name: 'dns', inputs }] });
  };
  const record = () => cloudflare.records('example.test')[0]!;
  const zone_id = () => cloudflare.zoneId('example.test');

  it('has no difference as it was set, and looking needs no right to change', async () => {
    expect(await look()).toEqual({ seen: [] });
  });

  it('has one where a record was changed or removed by hand, and none once it is applied again', async () => {
    await sdk(cloudflare).dns.records.edit(record().id, { zone_id: zone_id(), type: 'CNAME', name, content: 'elsewhere.example.org', proxied: true, ttl: 1 } as never);
    expect((await look()).seen).toEqual([{ urn: 'dns', what: 'DNS', differences: [{ path: name, expected: `CNAME ${name} → abc.cfargotunnel.com (proxied, “drawbridge s”)`, found: `CNAME ${name} → elsewhere.example.org (proxied, “drawbridge s”)` }] }]);
    await applyDns(sdk(cloudflare), wanted, '', async () => {});
    expect(await look()).toEqual({ seen: [] });
    await sdk(cloudflare).dns.records.delete(record().id, { zone_id: zone_id() });
    expect((await look()).seen![0]!.differences[0]).toMatchObject({ found: 'no record' });
  });

  it('could not be looked at with a token that is not accepted any more', async () => {
    const token = cloudflare.tokenWith(['Zone Read']);
    cloudflare.revoke(token);
    await expect(look(token)).rejects.toThrow(/Cloudflare answered/);
  });
});

describe('a stack of the Pulumi CLI', () => {
  const [secret, network, database] = ['[secret]', urn('docker:index/network:Network', 'edge'), urn('docker:index/container:Container', 'database')];
  /** As `pulumi preview --refresh --show-sames --json` prints it: what the refresh learns comes first. */
  const digest = {
    config: {},
    steps: [
      { op: 'refresh', urn: network },
      { op: 'update', urn: container, oldState: { outputs: { memory: 256 } }, newState: { outputs: { memory: 128 } }, detailedDiff: { memory: { kind: 'update', inputDiff: false } } },
      { op: 'delete', urn: database },
      { op: 'same', urn: network },
      {
        op: 'update',
        urn: container,
        oldState: { inputs: { envs: ['LOG_LEVEL=info', 'A=1'], memory: 256, stdin: secret }, outputs: { memory: 128 } },
        newState: { inputs: { envs: ['LOG_LEVEL=debug', 'A=1'], memory: 256, stdin: secret } },
        diffReasons: ['envs', 'memory', 'stdin'],
        detailedDiff: { 'envs[0]': { kind: 'update', inputDiff: true }, memory: { kind: 'update', inputDiff: false }, stdin: { kind: 'update', inputDiff: true } },
      },
      { op: 'create', urn: database },
      ...['create-replacement', 'replace', 'delete-replaced'].map((op) => ({ op, urn: command, replaceReasons: ['triggers'], oldState: { inputs: { triggers: ['a'] } }, newState: { inputs: { triggers: ['b'] } } })),
      { op: 'delete', urn: urn('docker:index/volume:Volume', 'data') },
    ],
    changeSummary: { same: 1, update: 1, delete: 1 },
  };

  it('is told in the same words, without secrets', () => {
    expect(parsePreview(JSON.stringify(digest))).toEqual([
      { what: 'container server', path: 'envs[0]', expected: 'LOG_LEVEL=debug', found: 'LOG_LEVEL=info', up: 'updates it' },
      { what: 'container server', path: 'memory', expected: '256', found: '128', up: 'updates it' },
      { what: 'container server', path: 'stdin', expected: '[secret]', found: '[secret]', up: 'updates it' },
      { what: 'container database', path: '', expected: 'there', found: 'not there', up: 'makes it' },
      { what: 'command keycloak-realm', path: 'triggers', expected: '["b"]', found: '["a"]', up: 'replaces it' },
      { what: 'volume data', path: '', expected: 'not there', found: 'there', up: 'removes it' },
    ]);
    expect(parsePreview('{"steps":[]}')).toEqual([]);
    // What is no preview at all must not look like nothing has changed.
    for (const other of ['{}', 'null', 'hello']) expect(() => parsePreview(other)).toThrow(/^The Pulumi CLI printed no/);
    expect(() => parseExport('{"deployment":{}}')).toThrow(/it does not stand/);
  });

  it('is looked at with what its state has, secrets included, and what `up` leaves is said to be left', () => {
    const sealed = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', plaintext: '{"CLOUDFLARE_API_TOKEN":"token"}' };
    const state = { version: 3, deployment: { resources: [{ urn: command, type: 'command:local:Command', inputs: { environment: sealed, triggers: ['a'] } }] } };
    expect(parseExport(JSON.stringify(state))).toEqual([{ urn: command, type: 'command:local:Command', name: 'keycloak-realm', inputs: { environment: { CLOUDFLARE_API_TOKEN: 'token' }, triggers: ['a'] } }]);
    const seen = ['realm main', 'DNS'].map((what) => ({ urn: command, what, differences: [{ path: 'x', expected: '1', found: '2' }] }));
    expect(seenFindings(seen, upByPulumi('s')).map(({ up }) => up)).toEqual([`leaves it: \`pulumi up --stack s --replace '${command}'\` sets it so again`, 'leaves it: set it so in Cloudflare’s dashboard (DNS → Records)']);
  });

  it('is asked for by `pulumi preview --refresh`, and where there is no CLI, that is said', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-pulumi-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('PATH', directory);
    await expect(previewByPulumi('s')).rejects.toThrow('there is no Pulumi CLI on the PATH');
    writeFileSync(join(directory, 'pulumi'), `#!/bin/sh\n[ "$*" = "preview --refresh --json --diff --show-sames --non-interactive --stack s" ] && echo '{"steps":[{"op":"delete","urn":"${container}"}]}'\n`);
    chmodSync(join(directory, 'pulumi'), 0o755);
    expect(await previewByPulumi('s')).toMatchObject([{ what: 'container server', up: 'removes it' }]);
  });
});
