import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeCertificate } from '../../cli/status/certificate.ts';
import type { ContainerFacts, Facts, MachineFacts } from '../../cli/status/facts.ts';
import { judge } from '../../cli/status/judge.ts';
import { parseNote } from '../../cli/keeping/half.ts';
import { parseRecord } from '../../cli/keeping/record.ts';
import { describeContainer, lookAtMachine } from '../../cli/status/machine.ts';
import { statusLines } from '../../cli/status/text.ts';
import { parseState } from '../../host/firewall/state.ts';
import { parseConfig } from '../../infra/config.ts';
import { rolesOf } from '../../infra/roles.ts';
import { runProgram } from '../support/mocked-program.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const remedies = { up: 'npm run up', firewall: 'npm run host -- firewall', restore: 'npm run restore -- --from FILE' };
const container = (role: string, changed: Partial<ContainerFacts> = {}): ContainerFacts => ({ role, name: `drawbridge-s-${role}`, image: `drawbridge.local/s/${role}:1`, state: 'running', since: '2026-11-18T12:00:00Z', restarts: 0, comesBack: true, memory: { used: 50e6, limit: 512e6 }, logLimit: 30e6, ...changed });
const inForce = { table: 'in force', atStart: true, enforcers: ['ufw'], opened: true, surplus: false, docker: true } as const;
const machine = (changed: Partial<MachineFacts> = {}): MachineFacts => ({ machine: 'ssh://deploy@app', docker: '28.2.2', missing: [], containers: [container('front'), container('server')], disk: { free: 41e9, total: 63e9 }, volumes: [{ name: 'drawbridge-s-acme', bytes: 27_000 }], firewall: inForce, ...changed });
const certificate = { names: ['mcp.example.org'], issuer: 'R11', from: '2026-10-01T00:00:00.000Z', until: '2026-12-30T00:00:00.000Z', failedAttempts: 0 };
const well: Facts = { stack: 's', versions: { drawbridge: '0.1.0', nginx: '1.30.4' }, machines: [machine()], certificate, halfRestored: [], drift: { steps: [] } };
const problems = (changed: Partial<Facts>) => judge({ ...well, ...changed }, remedies, now);
const withServer = (changed: Partial<ContainerFacts>) => problems({ machines: [machine({ containers: [container('front'), container('server', changed)] })] });

describe('a stack', () => {
  it('of which all runs has no problem', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ drift: { ask: 'pulumi preview' } })).toEqual([]);
  });

  it('has all of its problems said at once, on each machine, each with what to do', () => {
    const found = problems({ machines: [machine({ missing: ['keycloak'] }), machine({ machine: 'local', unreachable: 'nothing listens for ssh' })], certificate: undefined });
    expect(found).toHaveLength(3);
    for (const { what, next } of found) expect([what, next]).not.toContain('');
  });

  it.each<[Partial<ContainerFacts>, RegExp, RegExp]>([
    [{ state: 'exited', exitCode: 137, health: undefined }, /^ssh:\/\/deploy@app: server does not run \(exited with 137 since 2026-11-18T12:00:00Z\)$/, /^docker --host ssh:\/\/deploy@app logs --tail 20 drawbridge-s-server, then npm run up$/],
    [{ state: 'restarting' }, /server ends again and again/, /logs/],
    [{ state: 'paused' }, /server does not run \(paused since/, /npm run up/],
    [{ health: 'unhealthy', said: 'connection refused' }, /server is unhealthy: connection refused/, /logs/],
    [{ health: 'starting' }, /server is still starting/, /in a minute/],
    [{ comesBack: false }, /server would not start again with its machine/, /^docker --host ssh:\/\/deploy@app update --restart unless-stopped drawbridge-s-server$/],
    [{ logLimit: undefined }, /nothing limits the log of server/, /npm run up/],
  ])('has a problem with a container that is %o', (changed, what, next) => {
    expect(withServer(changed)).toEqual([{ what: expect.stringMatching(what) as string, next: expect.stringMatching(next) as string }]);
  });

  it('has none with a container that Docker restarted and that does its work', () => {
    expect(withServer({ restarts: 7, health: 'healthy' })).toEqual([]);
  });

  it('has one with each container that belongs there and is not, by its role', () => {
    expect(problems({ machines: [machine({ missing: ['database', 'keycloak'] })] }).map(({ what }) => what)).toEqual(['ssh://deploy@app: there is no container database', 'ssh://deploy@app: there is no container keycloak']);
  });

  it('has one with a disk on which less than 2 GB are free', () => {
    expect(problems({ machines: [machine({ disk: { free: 1.9e9, total: 63e9 } })] })).toEqual([{ what: expect.stringContaining('nearly full: 1.9 GB') as string, next: expect.stringContaining('docker system df') as string }]);
    expect(problems({ machines: [machine({ disk: undefined })] })).toEqual([]);
  });

  it.each([
    [{ ...inForce, table: 'missing' } as const, /table of nftables is missing/],
    [{ ...inForce, table: 'changed' } as const, /table of nftables is changed/],
    [{ ...inForce, atStart: false }, /unit is not enabled/],
    [{ ...inForce, opened: false }, /not all of the stack’s ports are opened in what enforces there \(ufw\)/],
    [{ ...inForce, surplus: true }, /ports are still opened/],
  ])('has one with a firewall that is %o', (firewall, what) => {
    expect(problems({ machines: [machine({ firewall })] })).toEqual([{ what: expect.stringMatching(what) as string, next: 'npm run host -- firewall' }]);
  });

  it('has one where Docker’s own rules were flushed, which Docker alone brings back', () => {
    expect(problems({ machines: [machine({ firewall: { ...inForce, docker: false } })] })).toEqual([{ what: expect.stringMatching(/Docker’s own rules are gone/) as string, next: 'there, as root: systemctl restart docker' }]);
  });

  it('has none with a firewall that only root could look at: it is said', () => {
    const facts = { ...well, machines: [machine({ firewall: { unknown: 'this needs root' } })] };
    expect(judge(facts, remedies, now)).toEqual([]);
    expect(statusLines({ ...facts, ok: true, problems: [] }, now).join('\n')).toContain('firewall: not known: this needs root');
  });

  it('has one with each volume that a killed restore left half replaced', () => {
    expect(problems({ halfRestored: ['acme'] })).toEqual([{ what: 'a restore ended before it had put back all of acme', next: 'npm run restore -- --from FILE' }]);
  });

  it('has one with every difference from its config, and with not knowing of any', () => {
    expect(problems({ drift: { steps: [{ action: 'create', type: 'docker:index/container:Container', name: 'server', reason: 'drift: removed by hand' }] } })).toEqual([{ what: 'it is not as its config says: create server (drift: removed by hand)', next: 'npm run up' }]);
    expect(problems({ drift: { unknown: 'the state cannot be read' } })).toEqual([{ what: expect.stringContaining('the state cannot be read') as string, next: 'npm run up' }]);
  });
});

describe('a certificate', () => {
  const day = 86_400_000;
  /** Of a lifetime of so many days, of which so many are left. */
  const left = (days: number, of: number, more = {}) => problems({ certificate: { ...certificate, from: new Date(now + (days - of) * day).toISOString(), until: new Date(now + days * day).toISOString(), ...more } });

  it.each([[31, 90], [28, 90], [2.5, 6], [1.9, 6]])('with %d of %d days left is left to the ACME client', (days, of) => {
    expect(left(days, of)).toEqual([]);
    expect(left(days, of, { failedAttempts: 3 })).toEqual([]);
  });
  it.each([[26, 90], [1.7, 6], [0.1, 90]])('with %d of %d days left is overdue', (days, of) => {
    expect(left(days, of)).toEqual([{ what: expect.stringMatching(/^the certificate of mcp\.example\.org is overdue for renewal, and expires at 2026-/) as string, next: 'docker --host ssh://deploy@app logs --tail 5 drawbridge-s-certificates' }]);
  });
  it('that expired says so, and why it was not renewed', () => {
    expect(left(-1, 90, { failedAttempts: 9, lastError: 'The CA is on fire.' })[0]!.what).toMatch(/expired at .*; 9 attempts to renew it failed, the last one since: The CA is on fire\./);
  });
  it('is missed where the front runs, and not where it does not: that is the problem then', () => {
    expect(problems({ certificate: undefined })).toEqual([{ what: 'the front serves no certificate', next: expect.stringContaining('certificates') as string }]);
    expect(problems({ certificate: undefined, machines: [machine({ containers: [container('front', { state: 'exited' })] })] })).toHaveLength(1);
  });

  it('is described by its names, issuer and lifetime, with the reason of the last failure', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-status-'));
    try {
      const [key, file] = [join(directory, 'key'), join(directory, 'pem')];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '90', '-subj', '/CN=R11', '-addext', 'subjectAltName=DNS:mcp.example.org,DNS:auth.example.org', '-keyout', key, '-out', file], { stdio: 'pipe' });
      const log = '{"event": "certificate-failed", "reason": "older"}\n{"event": "certificate-failed", "reason": "The CA refused."}\n{"event": "other"}\n';
      const described = describeCertificate(readFileSync(file, 'utf8'), 'drawbridge_certificate_failed_attempts 2\n', log);
      expect(described).toMatchObject({ names: ['mcp.example.org', 'auth.example.org'], issuer: 'R11', failedAttempts: 2, lastError: 'The CA refused.' });
      expect(Date.parse(described!.until) - Date.parse(described!.from)).toBe(90 * day);
      expect(describeCertificate(readFileSync(file, 'utf8'), 'drawbridge_certificate_failed_attempts 0\n', log)).not.toHaveProperty('lastError');
      // Docker cuts long lines, and whoever holds a container prints what they like.
      const cut = `${log}{"event": "certificate-failed", "reason": "The C\n{"event": "certificate-failed", "reason": {}}\n`;
      expect(describeCertificate(readFileSync(file, 'utf8'), '', cut)).toMatchObject({ lastError: 'The CA refused.' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('what containers and machines say of themselves', () => {
  const hostile = '\x1b]0;owned\x07\x1b[2J\x9b1Aall is well\r';

  it('is no certificate where it is none', () => {
    expect(describeCertificate('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', '', '')).toBeUndefined();
  });

  it('is a backup only where it is the note of one', () => {
    const note = { created: '2026-11-20T12:00:00.000Z', bytes: 1, encryptedTo: 'keys' };
    expect(parseRecord(JSON.stringify(note))).toEqual(note);
    for (const other of ['', '{', 'null', '{}', JSON.stringify({ ...note, created: hostile })]) expect(parseRecord(other)).toBeUndefined();
  });

  it('is a note of half restored volumes, or said to be damaged', () => {
    expect(parseNote('["acme"]', 'c')).toEqual(['acme']);
    for (const damaged of ['', '{}', '[1]']) expect(() => parseNote(damaged, 'c')).toThrow(/half-restored\.json in c is damaged/);
  });

  it('does nothing to the terminal', () => {
    const containers = [container('server', { health: 'unhealthy', said: hostile, image: hostile })];
    const machines = [machine({ containers, firewall: { ...inForce, enforcers: [hostile] } }), machine({ machine: 'local', unreachable: hostile })];
    const facts = { ...well, machines, certificate: { ...certificate, issuer: hostile } };
    const lines = statusLines({ ...facts, ok: false, problems: judge(facts, remedies, now) }, now);
    expect(lines.join('')).toContain('all is well');
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });
});

describe('a container', () => {
  const inspected = (state: object, log: object = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } }) =>
    ({ Name: '/drawbridge-s-server', RestartCount: 2, HostConfig: { LogConfig: log, RestartPolicy: { Name: 'unless-stopped' } }, State: { Status: 'running', StartedAt: 'a', FinishedAt: 'b', ExitCode: 0, ...state } }) as unknown as ContainerInspectInfo;

  it('is described by its role, since when it is as it is, and the last words of a check that failed', () => {
    expect(describeContainer('s', inspected({ Health: { Status: 'unhealthy', Log: [{ ExitCode: 0, Output: 'fine' }, { ExitCode: 1, Output: 'line\nrefused\n' }] } }), 'image')).toEqual({ role: 'server', name: 'drawbridge-s-server', image: 'image', state: 'running', since: 'a', restarts: 2, comesBack: true, health: 'unhealthy', said: 'refused', logLimit: 30e6 });
    expect(describeContainer('s', inspected({ Status: 'exited', ExitCode: 1, Health: { Status: 'unhealthy' } }), 'image')).toMatchObject({ state: 'exited', since: 'b', exitCode: 1 });
  });
  it.each([
    [{ Type: 'json-file', Config: {} }, undefined],
    [{ Type: 'json-file', Config: { 'max-file': '3' } }, undefined],
    [{ Type: 'journald', Config: {} }, undefined],
    [{ Type: 'json-file', Config: { 'max-size': '1k' } }, 1000],
    [{ Type: 'none', Config: {} }, 0],
  ])('with the log %o takes at most %s', (log, limit) => {
    expect(describeContainer('s', inspected({}, log), 'image').logLimit).toBe(limit);
  });
});

it('a machine whose Docker engine does not answer is told how to start it', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///nonexistent/docker.sock');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect((await lookAtMachine('s', undefined)).unreachable).toBe('no Docker engine answers: `sudo systemctl start docker` starts it');
});

describe('the roles of a stack', () => {
  it.each<[string, Record<string, unknown>]>([
    ['local', { profile: 'local' }],
    ['on two machines, with servers of each kind', {
      profile: 'preview',
      host: 'try.example.org',
      deploy: { app: 'ssh://a@app', proxy: 'ssh://a@proxy', appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' },
      servers: [{ name: 'one', path: '/one', scopes: ['a'] }, { name: 'two', path: '/two', scopes: ['b'], backend: { command: 'npx' } }, { name: 'three', path: '/three', scopes: ['c'], backend: { url: 'https://elsewhere.example.org/mcp' } }],
    }],
    ['behind a tunnel', { profile: 'preview', tier: 'tunnel', host: 'try.example.org', cloudflare: { accountId: '0123456789abcdef0123456789abcdef', zone: 'example.org', token: { secret: 'cloudflare' }, connectors: 3 }, secrets: { cloudflare: 'planted-token' } }],
    ['without Keycloak', { profile: 'preview', host: 'try.example.org', auth: 'bearer' }],
  ])('%s are those of the containers that the program makes, where it makes them', async (_, config) => {
    const { resources } = await runProgram('s', config);
    // The name of the machine is in the name of what is elsewhere.
    const made = resources.filter(({ type }) => type === 'docker:index/container:Container').map(({ name, provider }) => ({ name: name.replace(/@.*/, ''), provider }));
    const { app, proxy } = rolesOf(parseConfig(config));
    expect([...app, ...proxy].sort()).toEqual(made.map(({ name }) => name).sort());
    const elsewhere = made.filter(({ provider }) => provider.includes('proxy')).map(({ name }) => name);
    if ('deploy' in config) expect(proxy.sort()).toEqual(elsewhere.sort());
  });
});

describe('a firewall', () => {
  const wanted = { target: 'local', stack: 's', enforcer: 'auto', bridges: 'db-', publicPorts: [80, 443], privatePorts: [18080] } as const;
  const OPENED = 'ufw --force delete allow proto tcp from any to any port 80,443 || ufw --force delete allow proto tcp from any to any port 80,443';
  const state = (sections: Record<string, string>) => parseState(Object.entries({ ufw: 'ufw allow 22', openings: OPENED, docker: 'yes', table: 'table x {}', made: 'table x {}', unit: 'enabled', ...sections }).map(([name, text]) => `\n%% ${name}\n${text}\n`).join(''), wanted);

  it('is in force where its table is the one that its file makes', () => {
    expect(state({})).toEqual({ table: 'in force', atStart: true, enforcers: ['ufw'], opened: true, surplus: false, docker: true });
    expect(state({ table: 'table x { drop }' }).table).toBe('changed');
    expect(state({ table: '' }).table).toBe('missing');
    expect(state({ made: '' }).table).toBe('changed');
    expect(state({ unit: 'disabled' }).atStart).toBe(false);
  });
  it('is not open where something enforces that was not asked to open a port', () => {
    expect(state({ openings: '' }).opened).toBe(false);
    expect(state({ openings: '', ufw: 'ufw allow 80,443/tcp' }).opened).toBe(true);
  });
  it('has a surplus where an earlier stack opened more, but not in a firewall that is off: it may be switched on again', () => {
    expect(state({ openings: `${OPENED}\niptables -D INPUT -p tcp --dports 18080` }).surplus).toBe(true);
    expect(parseState(`\n%% openings\n${OPENED}\n`, wanted)).toMatchObject({ enforcers: [], surplus: false });
  });
  it('is one under which containers reach nothing where Docker has lost its own rules', () => {
    expect(state({ docker: '' }).docker).toBe(false);
  });
});

describe('a stack behind a tunnel', () => {
  const connector = (index: number, changed: Partial<ContainerFacts> = {}) => container(`connector-${index}`, { health: 'healthy', ...changed });
  const behind = (connectors: ContainerFacts[], connected: number): Facts => ({ ...well, certificate: undefined, connectors: { connected, of: 2 }, machines: [machine({ containers: [container('front'), container('server'), ...connectors] })] });
  const read = (facts: Facts) => statusLines({ ...facts, ok: true, problems: [] }, now).join('\n');

  it('misses no certificate: that is at the edge', () => {
    expect(judge(behind([connector(1), connector(2)], 2), remedies, now)).toEqual([]);
    expect(read(behind([connector(1), connector(2)], 2))).toContain('\nConnectors    2 of 2 connected to Cloudflare’s edge, which has the certificate\n');
    expect(read(behind([connector(1), connector(2)], 2))).not.toContain('Certificate ');
  });

  it('has a problem with each connector that is not connected, and where none is, that nobody gets through', () => {
    const [one, ...none] = judge(behind([connector(1), connector(2, { health: 'unhealthy', said: '503 Service Unavailable' })], 1), remedies, now);
    expect([one!.what, none]).toEqual(['ssh://deploy@app: connector-2 is unhealthy: 503 Service Unavailable', []]);
    const found = judge(behind([connector(1, { health: 'unhealthy' }), connector(2, { health: 'unhealthy' })], 0), remedies, now);
    expect(found.at(-1)).toEqual({ what: 'no connector of the tunnel is connected: Cloudflare’s edge has nowhere to bring calls', next: 'docker --host ssh://deploy@app logs --tail 5 drawbridge-s-connector-1' });
  });

  it('has a problem with the certificate of tier host as long as a front serves one, as on the way to the other tier', () => {
    expect(judge({ ...behind([connector(1), connector(2)], 2), certificate: { ...certificate, until: '2026-11-20T00:00:00.000Z' } }, remedies, now).map(({ what }) => what)).toEqual([expect.stringMatching(/^the certificate of mcp\.example\.org expired/)]);
  });
});

describe('what a person reads', () => {
  const lines = (facts: Facts = well) => {
    const found = judge(facts, remedies, now);
    return statusLines({ ...facts, ok: found.length === 0, problems: found }, now).join('\n');
  };

  it('has the place of a container that has one: `docker logs` wants the whole name', () => {
    expect(lines({ ...well, machines: [machine({ containers: [{ ...container('server'), name: 'drawbridge-s-server-b' }] })] })).toContain('  server-b  running');
  });

  it('is what runs where, and that all is well', () => {
    expect(lines().split('\n')).toEqual([
      'ssh://deploy@app (Docker 28.2.2, 41 GB of 63 GB free, volumes 27 kB, logs at most 60 MB)',
      '  front   running  3 days  50 MB of 512 MB  drawbridge.local/s/front:1',
      '  server  running  3 days  50 MB of 512 MB  drawbridge.local/s/server:1',
      '  firewall: table in force, comes back at a restart; ports opened in ufw',
      '',
      'Versions      Drawbridge 0.1.0, nginx 1.30.4',
      'Certificate   mcp.example.org, from R11, until 2026-12-30 (in 38 days)',
      'Last backup   none known',
      'Drift         none; `npm run drift -- --stack s` looks closer: realm, front, DNS',
      '',
      'Stack s is well.',
    ]);
  });
  it('ends with the problems, each with its next step', () => {
    const text = lines({ ...well, backup: { created: '2026-11-20T00:00:00Z', bytes: 322_800, encryptedTo: 'keys' }, machines: [machine({ missing: ['keycloak'] })] });
    expect(text).toContain('Last backup   36 hours ago (2026-11-20), 323 kB, encrypted to keys');
    expect(text).toContain('  keycloak  is not there');
    expect(text.endsWith('Stack s has 1 problem:\n  - ssh://deploy@app: there is no container keycloak\n      npm run up')).toBe(true);
  });
});
