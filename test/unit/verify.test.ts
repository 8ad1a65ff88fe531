import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
import type { Report } from '../../cli/verify.ts';
import type { Check } from '../../cli/verify/run.ts';
import { outputsOfPulumi } from '../../cli/verify/subject.ts';
import { checkLines, totalLine } from '../../cli/verify/text.ts';
import { distance, vantageOf, vantageText } from '../../cli/verify/vantage.ts';
import { npmRun } from '../support/npm-run.ts';
import { Authority } from '../tunnel/identity.ts';

describe('from where a stack is looked at', () => {
  const own = ['127.0.0.1/8', '192.168.7.5/24', '203.0.113.7/28', '2001:db8:1::5/64'];

  it.each([
    ['127.0.0.1', '127.0.0.1', 'same machine'],
    ['203.0.113.7', '203.0.113.7', 'same machine'],
    // The route to an own address has another one of them for its beginning.
    ['192.168.7.5', '203.0.113.7', 'same machine'],
    ['192.168.7.5', '192.168.7.9', 'same network'],
    ['203.0.113.7', '203.0.113.9', 'same network'],
    ['2001:db8:1::5', '2001:db8:1::9', 'same network'],
    // Behind a router of one's own.
    ['192.168.7.5', '10.1.2.3', 'same network'],
    ['192.168.7.5', '198.51.100.1', 'outside'],
    ['2001:db8:1::5', '2001:db8:2::9', 'outside'],
  ])('%s → %s is the %s', (from, to, where) => {
    expect(distance(from, to, own)).toBe(where);
  });

  it('is said, with what it does not prove', async () => {
    expect(vantageText({ host: 'mcp.example.org', from: '192.168.7.5', to: '198.51.100.1', where: 'outside' })).toBe('Looked at mcp.example.org from another network, as clients do (192.168.7.5 → 198.51.100.1).');
    expect(vantageText({ host: 'localhost', from: '127.0.0.1', to: '127.0.0.1', where: 'same machine' })).toContain('That proves nothing about DNS, routers and firewalls');
    expect(await vantageOf('nowhere.invalid', 443)).toEqual({ host: 'nowhere.invalid', where: 'unknown' });
  });
});

describe('the report', () => {
  const area = 'The way in: mcp.example.org';
  const checks = [
    { area, check: 'speaks TLS', result: 'passed' },
    { area, check: 'has a certificate with its name', result: 'failed', expected: 'the name mcp.example.org', found: 'DNS:other.example', remedy: 'Have one made.' },
    { area: 'With a right token', check: 'it lists the tools', result: 'not looked at', reason: 'there is no token' },
  ] as const;

  it('says of a failure what was expected, what was found and what to do, and of what was not looked at, why', () => {
    expect(checkLines(checks)).toEqual([
      '',
      area,
      '  ✓ speaks TLS',
      '  ✗ has a certificate with its name',
      '      expected  the name mcp.example.org',
      '      found     DNS:other.example',
      '      to do     Have one made.',
      '',
      'With a right token',
      '  – it lists the tools',
      '      not looked at: there is no token',
    ]);
  });

  it('counts what was not looked at apart: it has not passed', () => {
    expect(totalLine(checks)).toBe('1 passed, 1 failed, 1 not looked at');
    expect(totalLine(checks.slice(0, 1))).toBe('1 passed, 0 failed');
  });
});

describe('outputs of a stack that the Pulumi CLI deployed', () => {
  const production = { profile: 'production' } as const;

  /** A `pulumi` on the PATH that notes how it is called. */
  function pulumi(script: string): string {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-fake-pulumi-'));
    writeFileSync(join(folder, 'pulumi'), `#!/bin/sh\necho "$@" > ${folder}/called\n${script}\n`);
    chmodSync(join(folder, 'pulumi'), 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    });
    return folder;
  }

  it('are asked for with their secrets, over a pipe', async () => {
    const folder = pulumi(`echo '{"resources":{},"testUser":{"username":"demo","password":"secret"}}'`);
    expect(await outputsOfPulumi('prod', production)).toEqual({ resources: {}, testUser: { username: 'demo', password: 'secret' } });
    expect(readFileSync(join(folder, 'called'), 'utf8')).toBe('stack output --json --show-secrets --stack prod\n');
  });

  it.each([
    ['Pulumi knows no such stack', `echo "error: no stack named 'prod' found" >&2; exit 255`, "error: no stack named 'prod' found"],
    ['Pulumi prints something else', 'echo hello', 'it has none of a stack that stands: `pulumi up --stack prod`'],
    ['nothing is deployed yet', "echo '{}'", 'it has none of a stack that stands: `pulumi up --stack prod`'],
  ])('where %s, it says so, and what to do', async (_, script, why) => {
    pulumi(script);
    await expect(outputsOfPulumi('prod', production)).rejects.toMatchObject({ message: expect.stringContaining(why) as string, next: [expect.stringContaining('pulumi stack output --json --show-secrets --stack prod | npm run verify -- --stack prod --outputs -') as string] });
  });

  it('where Pulumi lacks the passphrase that it would ask a person for, it says how to give it', async () => {
    pulumi('echo "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables" >&2; exit 255');
    await expect(outputsOfPulumi('prod', production)).rejects.toMatchObject({ next: [expect.stringContaining('export PULUMI_CONFIG_PASSPHRASE') as string, expect.any(String)] });
  });

  it('where there is no Pulumi CLI, it says so', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(outputsOfPulumi('prod', production)).rejects.toThrow('there is no pulumi on the PATH');
  });
});

describe('a server that is none of ours, at the address of a stack', () => {
  const stack = 'unit-verify';
  const token = 'a-token-that-is-echoed-0123456789';
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-unit-verify-'));
  const file = (name: string) => join(folder, name);
  const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
  const server = createServer();
  const verify = (outputs: unknown) => {
    writeFileSync(file('outputs.json'), JSON.stringify(outputs));
    vi.stubEnv('DRAWBRIDGE_TOKEN', token);
    onTestFinished(() => void vi.unstubAllEnvs());
    return npmRun('verify', '--stack', stack, '--outputs', file('outputs.json'), '--quick', '--json');
  };

  beforeAll(async () => {
    const authority = await Authority.create(file('identity'));
    const { certificate: cert, key } = await authority.issue('localhost', ['DNS:localhost']);
    server.setSecureContext({ cert, key });
    // As error pages of some frameworks do.
    server.on('request', ({ headers }, response) => response.writeHead(500).end(`\u009b2Jyou sent ${headers.authorization}\u202e`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    writeFileSync(stackFile, `config:\n  drawbridge:profile: local\n  drawbridge:localPort: ${port}\n  drawbridge:auth: bearer\n`);
    outputs = { resources: { mcp: { url: `https://localhost:${port}/mcp` } }, caCertificate: authority.certificate };
  });
  afterAll(() => {
    server.close();
    rmSync(stackFile, { force: true });
    rmSync(folder, { recursive: true });
  });
  let outputs: object;

  it('passes no check that it must not, and its echo of a token is in no report', async () => {
    const { code, stdout, stderr } = await verify(outputs);
    expect(code).toBe(1);
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { result: string; found?: string }[] };
    expect([ok, checks.filter(({ result }) => result === 'failed').length > 3]).toEqual([false, true]);
    expect(checks.some(({ found }) => found?.includes('you sent Bearer [redacted]'))).toBe(true);
    expect(stdout + stderr).not.toContain(token.slice(0, 12));
  });

  it('says nothing to the terminal', async () => {
    const { stdout, stderr } = await verify(outputs);
    expect(stdout).toContain('\\u009b2Jyou sent');
    expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n\t]|\p{Cf}/u);
  });

  it.each([[{ resources: null }], [{ resources: { mcp: 'https://localhost' } }], [[]]])('is not looked at with outputs that are none: %j', async (wrong) => {
    const { code, stderr } = await verify(wrong);
    expect([code, stderr]).toEqual([2, expect.stringContaining('holds no outputs')]);
  });
});

describe('servers behind a gateway', { timeout: 90_000 }, () => {
  const stack = 'unit-verify-servers';
  const token = 'a-token-of-the-stack-0123456789';
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-unit-verify-'));
  const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
  // It answers each request by its path, as the gateway of a stack does.
  const gateway = createServer();
  const error = (code: number, message: string) => ({ error: { code, message } });
  const STOPPED = 'the server stopped; the log of its container says why';
  /** Longer than any check waits for what answers at once. */
  const DOWNLOAD = 11_000;
  let started: Promise<unknown> | undefined;
  /** What a gateway says that does not wait so long. */
  const loading = { status: 504, says: error(-32603, 'The server loading said nothing for too long') };
  let refused = 0;
  const answers: Readonly<Record<string, { backend: object; status?: number; says: object }>> = {
    good: { backend: { url: 'http://good.internal/mcp' }, says: { result: { tools: [] } } },
    stopped: { backend: { command: 'npx', args: ['-y', 'no-such-package'] }, says: error(-32603, STOPPED) },
    failing: { backend: { url: 'http://failing.internal/mcp?key=hidden' }, says: error(-32603, 'database gone') },
    away: { backend: { url: 'http://away.internal:3000/mcp' }, status: 503, says: error(-32603, 'The server away is not reachable at the moment') },
    prompts: { backend: { url: 'http://prompts.internal/mcp' }, status: 404, says: error(-32601, 'Method not found') },
    starting: { backend: { command: 'npx', args: ['-y', 'large-package'] }, says: { result: { tools: [] } } },
    loading: { backend: { image: 'example.org/slow:1', port: 8080 }, says: { result: { tools: [] } } },
  };
  let checks: readonly Check[];
  const found = (server: string, check: string) => checks.find((each) => each.area.endsWith(`/${server}`) && each.check === check);

  beforeAll(async () => {
    const authority = await Authority.create(join(folder, 'identity'));
    const { certificate: cert, key } = await authority.issue('localhost', ['DNS:localhost']);
    gateway.setSecureContext({ cert, key });
    gateway.on('request', async (request, response) => {
      const name = request.url!.slice(1);
      const server = answers[name];
      if (!server || request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
      const { id } = (await json(request)) as { id: unknown };
      if (name === 'starting') await (started ??= sleep(DOWNLOAD));
      const { status = 200, says } = name === 'loading' && (refused += 1) < 3 ? loading : server;
      response.writeHead(status, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, ...says })}\n\n`);
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const { port } = gateway.address() as AddressInfo;
    const servers = Object.entries(answers).map(([name, { backend }]) => ({ name, path: `/${name}`, backend, scopes: [`${name}:read`] }));
    writeFileSync(stackFile, stringify({ config: { 'drawbridge:profile': 'local', 'drawbridge:localPort': port, 'drawbridge:auth': 'bearer', 'drawbridge:servers': servers } }));
    writeFileSync(join(folder, 'outputs.json'), JSON.stringify({ resources: {}, bearerToken: token, caCertificate: authority.certificate }));
    const { stdout, stderr } = await npmRun('verify', '--stack', stack, '--outputs', join(folder, 'outputs.json'), '--quick', '--json');
    if (!stdout) throw new Error(stderr);
    ({ checks } = JSON.parse(stdout) as Report);
  }, 60_000);
  afterAll(() => {
    gateway.close();
    rmSync(stackFile, { force: true });
    rmSync(folder, { recursive: true });
  });

  const lists = 'it lists the tools';
  const stream = 'an answer that is a stream comes as it is written, and is not held back';

  it('list their tools, and of one that is well nothing is wrong', () => {
    expect(found('good', lists)).toMatchObject({ result: 'passed' });
    expect(checks.filter(({ area, result }) => area.endsWith('/good') && result === 'failed')).toEqual([]);
  });

  it.each([
    ['stopped', STOPPED, `Its log says why: docker logs --tail 20 drawbridge-${stack}-backend-stopped`],
    ['failing', 'database gone', 'The log of the server at http://failing.internal says why.'],
    ['away', /^503 .*not reachable/, 'Nothing answers at http://away.internal:3000, as seen from the gateway: start it, and let it listen on more than 127.0.0.1.'],
  ])('that are %s list none: verify says what was found, and where to look', (server, what, remedy) => {
    expect(found(server, lists)).toMatchObject({ result: 'failed', found: typeof what === 'string' ? what : (expect.stringMatching(what) as string), remedy });
    expect(found(server, stream)).toMatchObject({ result: 'not looked at', reason: 'the server does not answer as it must, told above' });
  });

  it('that have prompts alone need no tools', () => {
    expect(found('prompts', lists)).toMatchObject({ result: 'not looked at', reason: 'the server says that it has none' });
  });

  it.each(['starting', 'loading'])('are waited for while they start for the first time: nothing on the way is blamed for it (%s)', (server) => {
    expect([lists, stream].map((check) => found(server, check)!.result)).toEqual(['passed', 'passed']);
  });

  it('that nobody signs in to are told so: no reason is unknown', () => {
    const rules = checks.filter(({ area }) => area === 'The rules of sign-in');
    expect(new Set(rules.map(({ reason }) => reason))).toEqual(new Set(['nobody signs in: drawbridge:auth is bearer']));
  });
});
