import { chmodSync, existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { init, type InitOptions } from '../../cli/init.ts';
import { readStackConfig } from '../../cli/stack-file.ts';
import { ConfigError, configSchema } from '../../infra/config.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { npmRun } from '../support/npm-run.ts';
import { reachedMachine } from '../support/reached-machine.ts';

/** `npm run init` where nobody can be asked: all answers are flags. */
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-init-'));
  writeFileSync(join(directory, 'Pulumi.yaml'), readFileSync('Pulumi.yaml'));
  vi.stubEnv('CLOUDFLARE_API_TOKEN', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const file = () => join(directory, 'Pulumi.prod.yaml');
const written = () => readFileSync(file(), 'utf8');
/** A config that is there. */
const has = (values: Record<string, unknown>) => writeFileSync(file(), stringify({ config: Object.fromEntries(Object.entries(values).map(([key, value]) => [`drawbridge:${key}`, value])) }));
const valueOf = (key: string) => (parse(written()) as { config: Record<string, unknown> }).config[`drawbridge:${key}`];
const onHost = { tier: 'host', deploy: 'ssh://deploy@m', host: 'mcp.example.org', server: ['builtin'], user: ['ann=ann@example.org'] };
const behindTunnel = { ...onHost, tier: 'tunnel', host: 'mcp.example.test', cloudflareAccount: 'a'.repeat(32) };

async function run(options: Partial<InitOptions>): Promise<{ stdout: string; stderr: string; error?: Error }> {
  const [out, err, log] = [vi.spyOn(process.stdout, 'write').mockReturnValue(true), vi.spyOn(process.stderr, 'write').mockReturnValue(true), vi.spyOn(console, 'log').mockReturnValue()];
  const all = () => ({ stdout: [...out.mock.calls, ...log.mock.calls.map(([line]) => [`${String(line)}\n`])].map(([text]) => String(text)).join(''), stderr: err.mock.calls.map(([text]) => String(text)).join('') });
  try {
    await init({ stack: 'prod', directory, yes: true, skipChecks: true, ...options });
    return all();
  } catch (error) {
    return { ...all(), error: error as Error };
  } finally {
    for (const spy of [out, err, log]) spy.mockRestore();
  }
}

describe('flags', () => {
  it('that are missing are all named at once, and those that are wrong beside them: wrong use', async () => {
    const { error } = await run({ deploy: 'mcp.example.org', acmeEmail: 'ann', user: ['ann'] });
    expect(error).toBeInstanceOf(UsageError);
    expect(error!.message.split('\n')).toEqual([
      '--deploy mcp.example.org: is neither local nor ssh://user@host[:port]',
      '--acme-email ann: email is no e-mail address',
      '--user ann: has no = in it: for example ann=ann@example.org',
      'Missing, as nobody can be asked: --tier, --host, --server. `npm run init -- --help` says what each takes.',
    ]);
    expect(existsSync(file())).toBe(false);
  });

  it.each<[string, Partial<InitOptions>, string]>([
    ['a host that is a URL', { host: 'https://mcp.example.org' }, '--host https://mcp.example.org: is no host name: lower-case letters'],
    ['a host without a dot', { host: 'intranet' }, '--host intranet: is not a public name: intranet has no dot'],
    ['a profile that needs no config', { profile: 'local' }, '--profile local: is none of: production, preview'],
    ['a zone in tier host', { cloudflareZone: 'example.org' }, '--cloudflare-zone is for tier tunnel, and the tier is host: leave it out'],
    ['an address for a CA in tier tunnel', { ...behindTunnel, acmeEmail: 'ann@example.org' }, '--acme-email is for tier host, and the tier is tunnel: leave it out'],
    ['a tunnel of which the account is not known', { ...behindTunnel, cloudflareAccount: undefined, cloudflareZone: 'example.test' }, '--cloudflare-account is missing: with CLOUDFLARE_API_TOKEN in the environment Cloudflare is asked for the account of example.test'],
    ['a server that is no YAML', { server: ['{ name: files'] }, '--server number 1: is no YAML: '],
    ['a server without a backend', { server: ['{ name: files }'] }, '--server number 1: is neither builtin nor a map with a backend'],
    ['an image without a port', { server: ['{ name: files, backend: { image: ghcr.io/owner/files } }'] }, '--server number 1: backend.port is missing'],
    ['an image that is none', { server: ['{ name: files, backend: { image: "Files!", port: 1 } }'] }, '--server number 1: backend.image is no image name'],
    ['a client that nobody knows', { client: ['netscape'] }, '--client netscape: is none of: claude, '],
    ['an account without an address', { user: ['ann='] }, '--user ann=: email is no e-mail address'],
    ['a provider that nobody knows', { identityProvider: ['myspace=1'] }, '--identity-provider myspace=1: is none of: github, google, oidc'],
    ['a provider twice', { identityProvider: ['github=1', 'github=2'] }, 'names github twice'],
    ['a provider without its issuer', { identityProvider: ['oidc=1'], allow: ['everyone'] }, '--identity-provider oidc=1: oidc.issuer is missing'],
    ['everyone and others', { allow: ['everyone', 'ann'] }, '--allow everyone, ann: names everyone, and others beside'],
  ])('with %s are wrong use, and say so', async (_, flags, words) => {
    const { error } = await run({ ...onHost, ...flags });
    expect(error).toBeInstanceOf(UsageError);
    expect(error!.message).toContain(words);
    expect(existsSync(file())).toBe(false);
  });

  it('that are wrong are each named with the value (a server by its number, as it may hold a token), of all that are repeated and that belong together', async () => {
    const { error } = await run({ ...onHost, server: ['builtin', '{ name: files }', '{ name: notes, backend: builtin }'], identityProvider: ['gitlab=1'], user: ['ann', 'bob=bob@example.org', 'eve='] });
    expect(error!.message.split('\n')).toEqual([
      expect.stringMatching(/^--server number 2: is neither builtin/),
      expect.stringMatching(/^--user ann: has no = in it/),
      expect.stringMatching(/^--user eve=: email is no e-mail address/),
      '--identity-provider gitlab=1: is none of: github, google, oidc',
    ]);
  });

  it('have to say who may call where anybody with an account at a provider could sign in', async () => {
    const { error } = await run({ ...onHost, user: undefined, identityProvider: ['github=Ov23li'] });
    expect(error!.message).toMatch(/^Missing, as nobody can be asked: --allow\./);
    await run({ ...onHost, identityProvider: ['github=Ov23li'], allow: ['github.octocat', '@example.org', 'group:developers'] });
    expect(valueOf('allowlist')).toEqual({ users: ['github.octocat'], groups: ['developers'], domains: ['example.org'] });
  });

  it('that say who may call have commas between names, and take the spaces of a name as its own', async () => {
    await run({ ...onHost, allow: ['group:MCP Users, ann', '@example.org'] });
    expect(valueOf('allowlist')).toEqual({ users: ['ann'], groups: ['MCP Users'], domains: ['example.org'] });
  });

  it('that only together make no config are refused as check-config would', async () => {
    const { error } = await run({ ...onHost, server: ['builtin', '{ backend: { url: https://files.example.org/mcp } }'] });
    expect(error).toBeInstanceOf(ConfigError);
    expect(error!.message).toContain('drawbridge:servers has two servers with the name mcp');
    expect(existsSync(file())).toBe(false);
  });
});

describe('a server', () => {
  it('needs one scope of its own, as nothing says which of its tools would need another; the built-in one guards its notes', async () => {
    await run({ ...onHost, server: ['builtin', '{ name: files, backend: { url: https://files.example.org/mcp } }'] });
    expect((parse(written()) as { config: Record<string, unknown> }).config['drawbridge:servers']).toEqual([
      { name: 'mcp', path: '/mcp', backend: 'builtin', scopes: ['mcp:read', 'mcp:write'], tools: { note_write: 'mcp:write' } },
      { name: 'files', path: '/files', backend: { url: 'https://files.example.org/mcp' }, scopes: ['files:use'] },
    ]);
  });

  it('whose name is wrong hears that once, and what else is wrong', async () => {
    const { error } = await run({ ...onHost, server: ['{ name: My Server, backend: { url: nowhere } }'] });
    expect(error!.message).toMatch(/^--server number 1: name must be lower-case letters, digits and dashes, at most 32; backend\.url is no http or https URL$/);
  });
});

describe('the file', () => {
  it('is what the program reads, each key under what it is for', async () => {
    const { error } = await run({ ...onHost, server: ['builtin', '{ name: files, backend: { command: npx, args: [-y, server-files], env: { TOKEN: { secret: files } } } }'], acmeEmail: 'ann@example.org', client: ['claude', 'cursor'] });
    expect(error).toBeUndefined();
    expect(written()).toMatch(/^config:\n {2}# The way in: host [^\n]*\n {2}drawbridge:tier: host\n/);
    const keys = Object.keys((parse(written()) as { config: object }).config);
    for (const key of keys) expect(written()).toMatch(new RegExp(`^ {2}# [^]*?\\n {2}${key}:`, 'm'));
    expect(keys.map((key) => key.replace('drawbridge:', '')).every((key) => key in configSchema.shape)).toBe(true);
    expect(() => readStackConfig('prod', directory)).toThrow("names the secret files, which drawbridge:secrets does not have: `pulumi config set --secret --path 'drawbridge:secrets.files'` sets it");
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('is never overwritten but by --force, and then keeps the secrets, what is another program’s, the mode, and the link', async () => {
    const before = '# mine\nencryptionsalt: v1:abc:def\nconfig:\n  docker:host: unix:///x # theirs\n  drawbridge:realm: people\n  drawbridge:secrets:\n    github:\n      secure: v1:xyz\n  drawbridge:rotation: { database: 3 }\n';
    writeFileSync(join(directory, 'elsewhere.yaml'), before);
    chmodSync(join(directory, 'elsewhere.yaml'), 0o644);
    symlinkSync('elsewhere.yaml', file());
    const { error } = await run(onHost);
    expect(error).toBeInstanceOf(UsageError);
    expect(error!.message).toContain('has a config already. Nothing was touched: name another stack with --stack, or replace it with --force');
    expect(written()).toBe(before);
    expect((await run({ ...onHost, force: true })).error).toBeUndefined();
    expect(lstatSync(file()).isSymbolicLink()).toBe(true);
    expect(statSync(file()).mode & 0o777).toBe(0o644);
    const { config, ...rest } = parse(written()) as { config: Record<string, unknown> };
    expect(rest).toEqual({ encryptionsalt: 'v1:abc:def' });
    expect(config).toMatchObject({ 'docker:host': 'unix:///x', 'drawbridge:secrets': { github: { secure: 'v1:xyz' } }, 'drawbridge:rotation': { database: 3 }, 'drawbridge:host': 'mcp.example.org' });
    expect(written()).toMatch(/^# mine\n[^]*# theirs/);
  });

  it('that --force replaces keeps what init does not ask for, and says so; what it asks for is as answered', async () => {
    const kept = { layout: 'subdomains', registration: 'closed', dataPlaneAllowlist: ['192.0.2.0/24'], publicAddresses: ['203.0.113.7'] };
    const before = { tier: 'host', ...kept, acme: { email: 'old@example.org', staging: true }, allowlist: { users: ['eve'] }, deploy: { app: 'ssh://deploy@m', proxy: 'ssh://deploy@p', appAddress: '10.0.0.1', proxyAddress: '10.0.0.2' } };
    has(before);
    // An allow-list never goes unasked.
    expect((await run({ ...onHost, force: true })).error!.message).toContain('Missing, as nobody can be asked: --allow.');
    const { error, stdout } = await run({ ...onHost, force: true, allow: ['everyone'] });
    expect(error).toBeUndefined();
    expect(stdout).toContain(`kept as they were: ${Object.keys(kept).join(', ')}\n  no longer there: allowlist\n`);
    const values = readStackConfig('prod', directory);
    expect(values).toMatchObject({ ...kept, acme: before.acme, deploy: before.deploy, host: 'mcp.example.org' });
    expect(values.allowlist).toBeUndefined();
    expect(stdout).toMatch(/\n\nMind:\n {2}- drawbridge:acme\.staging is true/);
    await run({ ...onHost, force: true, deploy: 'ssh://deploy@other' });
    expect(readStackConfig('prod', directory).deploy).toMatchObject({ app: 'ssh://deploy@other', proxy: 'ssh://deploy@other' });
  });

  it('that `pulumi stack init` made, without a config, is filled without --force', async () => {
    writeFileSync(file(), 'encryptionsalt: v1:abc:def\n');
    expect((await run(onHost)).error).toBeUndefined();
    expect(written()).toMatch(/^encryptionsalt: v1:abc:def\nconfig:\n/);
  });

  it('that is no YAML is left alone', async () => {
    writeFileSync(file(), 'config: [');
    expect((await run({ ...onHost, force: true })).error!.message).toContain('is no YAML that holds a map');
    expect(written()).toBe('config: [');
  });

  it('is only printed by --dry-run, on stdout, with everything else on stderr', async () => {
    const { stdout, stderr } = await run({ ...onHost, dryRun: true });
    expect(existsSync(file())).toBe(false);
    expect((parse(stdout) as { config: object }).config).toMatchObject({ 'drawbridge:tier': 'host' });
    expect(stderr).toMatch(/would be as above; nothing was written/);
  });
});

describe('a config that is there, with --force', () => {
  it('is understood as `pulumi config set` wrote it, whose lists and maps are texts of JSON', async () => {
    const [acme, deploy] = [{ staging: true }, { app: 'ssh://deploy@m', proxy: 'ssh://deploy@p', appAddress: '10.0.0.1', proxyAddress: '10.0.0.2' }];
    has({ allowlist: '{"users":["ann"]}', acme: JSON.stringify(acme), deploy: JSON.stringify(deploy) });
    expect((await run({ ...onHost, force: true })).error!.message).toContain('Missing, as nobody can be asked: --allow.');
    expect((await run({ ...onHost, force: true, allow: ['ann'] })).error).toBeUndefined();
    expect(readStackConfig('prod', directory)).toMatchObject({ acme, deploy, allowlist: { users: ['ann'] } });
  });

  it.each([['a list', ['ann']], ['nothing', null], ['a text', 'ann'], ['a map with a text', { users: 'ann' }], ['a map with nothing', { users: ['ann'], groups: null }], ['a map that lets nobody in', { users: [] }]])(
    'whose allow-list is %s, which nobody can read, has not given it up',
    async (_, allowlist) => {
      has({ allowlist });
      expect((await run({ ...onHost, force: true })).error!.message).toContain('Missing, as nobody can be asked: --allow.');
    },
  );

  it('keeps the profile, the address for the certificate authority and the clients that no flag gives, and clients of its own always', async () => {
    const own = { id: 'mine', redirectUris: ['https://app.example.org/callback'] };
    has({ profile: 'preview', acme: { email: 'old@example.org' }, clients: ['cursor', own] });
    expect((await run({ ...onHost, force: true })).error).toBeUndefined();
    expect(readStackConfig('prod', directory)).toMatchObject({ profile: 'preview', acme: { email: 'old@example.org' }, clients: ['cursor', own] });
    await run({ ...onHost, force: true, profile: 'production', acmeEmail: '', client: ['claude'] });
    expect(readStackConfig('prod', directory)).toMatchObject({ profile: 'production', clients: ['claude', own] });
    expect(valueOf('acme')).toBeUndefined();
  });

  it.each([['--profile', { profile: 'local' }], ['--acme-email', { acme: { email: 'old' } }], ['--client', { clients: 'claude' }], ['--client', { clients: ['netscape'] }]])('needs %s where it has %j, which cannot be kept', async (flag, before) => {
    has(before);
    expect((await run({ ...onHost, force: true })).error!.message).toMatch(new RegExp(`^Missing, as nobody can be asked: ${flag}\\.`));
  });

  it('has named what it no longer has, in JSON too', async () => {
    has({ identityProviders: { github: { clientId: 'Ov23li', clientSecret: { secret: 'github' } } }, realm: 'people' });
    const { stdout } = await run({ ...onHost, force: true, json: true });
    expect(JSON.parse(stdout)).toMatchObject({ kept: ['realm'], dropped: ['identityProviders'] });
  });

  it.each([
    ['for all of it', 'shared: &c\n  drawbridge:secrets: { github: { secure: v1:xyz } }\nconfig: *c\n'],
    ['of what would be replaced', 'config:\n  drawbridge:deploy: &d { app: local, proxy: local }\n  other:deploy: *d\n'],
    ['of nothing', 'config:\n  drawbridge:deploy: *d\n'],
  ])('with an alias %s is refused as wrong use, and untouched', async (_, text) => {
    writeFileSync(file(), text);
    const { error } = await run({ ...onHost, force: true });
    expect(error).toBeInstanceOf(UsageError);
    expect(error!.message).toMatch(/Pulumi\.prod\.yaml has the alias \*[cd], and what it stands for may be replaced: write its values out\./);
    expect(written()).toBe(text);
  });

  it('gets no aliases, also where a server on the command line has some', async () => {
    await run({ ...onHost, server: ['{ name: files, backend: { url: https://files.example.org/mcp }, allowlist: { users: &a [ann], groups: *a } }'] });
    expect(valueOf('servers')).toMatchObject([{ allowlist: { users: ['ann'], groups: ['ann'] } }]);
    expect((await run({ ...onHost, force: true })).error).toBeUndefined();
  });

  it('is not written over where the file would say something else then', async () => {
    const text = '%YAML 1.1\n---\nconfig:\n  <<: { drawbridge:allowlist: { users: [ann] } }\n';
    writeFileSync(file(), text);
    const { error } = await run({ ...onHost, force: true, allow: ['everyone'] });
    expect(error).toBeInstanceOf(CommandError);
    expect(error!.message).toContain('whose YAML says more than its keys; nothing was written.');
    expect(written()).toBe(text);
  });
});

describe('checks', () => {
  it('say all at once what keeps the answers from holding: a failure, and nothing is written', async () => {
    reachedMachine({ names: { 'mcp.example.org': ['198.51.100.1'] }, addresses: ['203.0.113.7'] });
    const { error } = await run({ ...onHost, skipChecks: false });
    expect(error).toBeInstanceOf(CommandError);
    expect(error!.message).toBe('The answers do not hold yet; nothing was written:\n  - --host: mcp.example.org leads to 198.51.100.1, which is not this machine: its DNS records have to be A 203.0.113.7');
    expect(existsSync(file())).toBe(false);
  });

  it('name a machine that cannot be reached, once', async () => {
    reachedMachine({ names: {}, addresses: [] });
    const { error } = await run({ ...onHost, deploy: 'ssh://deploy@away', skipChecks: false });
    expect(error!.message.split('\n').slice(1)).toEqual(['  - --deploy: ssh://deploy@away: away does not answer on port 22: see whether it is up, and whether a firewall lets you in.']);
  });

  it('of a machine that can be reached say what it lacks, which is put right later', async () => {
    reachedMachine({ names: { 'mcp.example.org': ['203.0.113.7'] }, addresses: ['203.0.113.7'] });
    const { error, stdout } = await run({ ...onHost, skipChecks: false, json: true });
    expect(error).toBeUndefined();
    const { ok, written: isWritten, notes } = JSON.parse(stdout) as { ok: boolean; written: boolean; notes: string[] };
    expect([ok, isWritten]).toEqual([true, true]);
    expect(notes).toContainEqual(expect.stringMatching(/^ssh:\/\/deploy@m: a Docker engine runs, but \S+ may not use it: `npm run host -- prepare --stack prod`/));
  });

  it('leave the DNS of a tunnel to `up`, and ask Cloudflare about the token', async () => {
    reachedMachine({ names: {}, addresses: ['10.0.0.2'] });
    const cloudflare = await CloudflareSimulation.start({ zones: ['example.test'] });
    vi.stubEnv('CLOUDFLARE_BASE_URL', cloudflare.url);
    vi.stubEnv('CLOUDFLARE_API_TOKEN', cloudflare.tokenWith(['Zone Read', 'DNS Write', 'Cache Settings Write']));
    const flags = { ...behindTunnel, cloudflareAccount: undefined, skipChecks: false };
    const { error } = await run(flags);
    expect(error!.message.split('\n').slice(1)).toEqual([expect.stringContaining('--cloudflare-zone, --cloudflare-account: the token lacks the permission Account → Cloudflare Tunnel → Edit on the account')]);
    vi.stubEnv('CLOUDFLARE_API_TOKEN', cloudflare.tokenWith(['Zone Read', 'DNS Write', 'Cache Settings Write', 'Cloudflare Tunnel Write']));
    expect((await run(flags)).error).toBeUndefined();
    expect((parse(written()) as { config: Record<string, unknown> }).config['drawbridge:cloudflare']).toEqual({ accountId: cloudflare.accountId, zone: 'example.test', token: { secret: 'cloudflare' } });
    await cloudflare.stop();
  });
});

describe('what comes next', () => {
  it('for production: the Pulumi CLI keeps the secrets, each asked for by a command of its own', async () => {
    const { stdout } = await run({ ...behindTunnel, json: true });
    const { next, secrets } = JSON.parse(stdout) as { next: { commands: { run: string }[] }; secrets: string[] };
    expect(secrets).toEqual(['cloudflare']);
    expect(next.commands.map(({ run: command }) => command)).toEqual([
      'pulumi login --local',
      'export PULUMI_CONFIG_PASSPHRASE=…',
      'pulumi stack select --create prod',
      "pulumi config set --stack prod --secret --path 'drawbridge:secrets.cloudflare'",
      'npm run check-config -- --stack prod',
      'npm run host -- check --stack prod',
      'npm run host -- prepare --stack prod',
      'pulumi up --stack prod',
      'pulumi stack output resources --stack prod',
      'pulumi stack output users --show-secrets --stack prod',
      'npm run verify -- --stack prod',
      'npm run status -- --stack prod',
    ]);
  });

  it('for a preview: the embedded engine, whose secrets the person puts into the file', async () => {
    const { stdout } = await run({ ...behindTunnel, profile: 'preview' });
    expect(stdout).toMatch(/Put `cloudflare` \(the API token for Cloudflare\) under `drawbridge:secrets` in Pulumi\.prod\.yaml yourself: in profile preview they stand there in plain text/);
    expect(stdout).toContain('npm run up -- --stack prod');
    expect(stdout).not.toMatch(/^ {2}pulumi /m);
    // `npm run up` does that by itself.
    expect(stdout).not.toContain('npm run verify');
  });

  it('without accounts and without a tunnel names neither passwords nor a connection', async () => {
    const { stdout } = await run({ ...onHost, user: undefined, identityProvider: ['github=Ov23li'], allow: ['github.octocat'] });
    expect(stdout).toContain('pulumi stack output resources');
    expect(stdout).not.toMatch(/output users|npm run status/);
  });
});

describe('npm run init', () => {
  it('takes each example of its help', async () => {
    const { stdout: help } = await npmRun('init', '--help');
    const examples = [...help.matchAll(/^ {2}npm run (?:--silent )?init -- (.+)$/gm)].map(([, words]) => words!.split(' '));
    expect(examples.length).toBeGreaterThan(1);
    for (const words of examples) expect(await npmRun('init', ...words, '--stack', 'nowhere', '--dry-run', '--skip-checks'), words.join(' ')).toMatchObject({ code: 0 });
  });

  it('without a terminal asks nothing: 2, and as JSON what is missing', async () => {
    const { code, stdout, stderr } = await npmRun('init', '--stack', 'nowhere', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({ ok: false, stack: 'nowhere', missing: ['--tier', '--deploy', '--host', '--server', '--user or --identity-provider'], problems: [] });
    expect(stderr).toContain('Missing, as nobody can be asked');
  });

  it('for a preview is of the stack preview, where none is named', async () => {
    const flags = ['--profile', 'preview', '--tier', 'host', '--deploy', 'local', '--host', 'mcp.example.org', '--server', 'builtin', '--user', 'ann=ann@example.org', '--dry-run', '--skip-checks', '--json'];
    expect(JSON.parse((await npmRun('init', ...flags)).stdout)).toMatchObject({ stack: 'preview', next: { warnings: [] } });
    expect(JSON.parse((await npmRun('init', ...flags, '--stack', 'mine')).stdout)).toMatchObject({ stack: 'mine' });
  });

  it('with answers that do not hold is a failure: 1', async () => {
    const { code, stderr } = await npmRun('init', '--stack', 'nowhere', '--tier', 'host', '--deploy', 'ssh://deploy@drawbridge.invalid', '--host', 'mcp.example.org', '--server', 'builtin', '--user', 'ann=ann@example.org', '--dry-run');
    expect(code).toBe(1);
    expect(stderr).toContain('  - --deploy: ');
  });
});
