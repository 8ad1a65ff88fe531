import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
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
