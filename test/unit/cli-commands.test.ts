import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkConfig } from '../../cli/check-config.ts';
import { connectionText } from '../../cli/connect.ts';
import { UsageError } from '../../cli/errors.ts';
import { readStackConfig } from '../../cli/stack-file.ts';
import { connectionOf, outputLines } from '../../cli/stack-outputs.ts';
import { needsEngine, runsOf } from '../../cli/test.ts';
import { refuseProduction } from '../../cli/up.ts';
import { ConfigError } from '../../infra/config.ts';

/** Runs a command the way npm does, from a folder that is not the project's. */
const drawbridge = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const launcher = join(import.meta.dirname, '../../cli/launch.js');
    execFile(process.execPath, [launcher, ...args], { cwd: tmpdir() }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });

describe('exit codes', () => {
  it.each(['init', 'up', 'down', 'preview', 'outputs', 'check-config', 'host', 'test', 'backup', 'restore', 'rotate', 'bench', 'admin', 'soak', 'status', 'drift', 'verify'])('%s --help says what it does, with examples, and is 0', async (command) => {
    const { code, stdout } = await drawbridge(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: npm run ${command}`);
    expect(stdout).toContain('Examples:\n  npm ');
  });

  it.each([
    ['an unknown command', ['bogus'], "unknown command 'bogus'"],
    ['an unknown option', ['up', '--bogus'], "unknown option '--bogus'"],
    ['a stack name that would leave the folder', ['down', '--stack', '../x'], '--stack ../x is no stack name'],
    ['a soak that there is not', ['soak', 'bogus'], 'There is no soak bogus. These exist:'],
    ['a stack without a file', ['up', '--stack', 'nowhere'], 'There is no stack nowhere: '],
    ['a dry run of a stack without a file', ['up', '--dry-run', '--stack', 'nowhere'], 'There is no stack nowhere: '],
    ['a backup to nowhere', ['backup'], 'npm run backup -- --to FILE'],
    ['a backup over a file that is there', ['backup', '--to', process.execPath], 'nothing is overwritten'],
    ['a backup to a folder that there is not', ['backup', '--to', '/nonexistent/x'], '/nonexistent is no directory that you can write to'],
    ['a restore of nothing', ['restore'], "required option '--from <file>'"],
    ['a machine that is none', ['host', 'check', '--machine', 'ssh://deploy'], '--machine ssh://deploy is neither local nor ssh://user@host[:port].'],
    ['a firewall of another machine than the config’s', ['host', 'firewall', '--machine', 'ssh://deploy@host'], '--machine is for check, prepare and restore'],
    ['a verify of a stack without a file', ['verify', '--stack', 'nowhere'], 'There is no stack nowhere: '],
    ['a verify that is quick and long', ['verify', '--quick', '--long'], 'give one of them'],
    ['a verify with a token and outputs on one stdin', ['verify', '--token-stdin', '--outputs', '-'], 'both read stdin'],
    ['a verify with outputs from nowhere', ['verify', '--outputs', '/nonexistent'], '--outputs /nonexistent cannot be read'],
    ['a verify with outputs that are none', ['verify', '--outputs', join(import.meta.dirname, '../../package.json')], 'package.json holds no outputs'],
    ['a rotation of something else', ['rotate', 'everything'], 'there are: signing-key, database, applier'],
  ])('%s is wrong use: 2, on stderr', async (_, args, message) => {
    const { code, stdout, stderr } = await drawbridge(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('outputs of a stack that does not stand is a failure: 1, with what to do', async () => {
    const { code, stdout, stderr } = await drawbridge('outputs', '--stack', 'nowhere');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('Stack nowhere was not deployed by `npm run up` from here.\nOne that the Pulumi CLI deployed, as all of profile production, is asked with `pulumi stack output');
  });
});

describe('status of a stack that does not stand', () => {
  beforeEach(async () => {
    const engine = createServer(({ url = '' }, answer) => answer.setHeader('Content-Type', 'application/json').end(/version|df/.test(url) ? '{"Version":"28.2.2","Volumes":[]}' : '[]'));
    await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('DOCKER_HOST', `tcp://127.0.0.1:${(engine.address() as { port: number }).port}`);
    onTestFinished(() => void engine.close());
    onTestFinished(() => void vi.unstubAllEnvs());
  });

  it('is a failure: 1, with what stands it up', async () => {
    const { code, stdout, stderr } = await drawbridge('status', '--stack', 'nowhere');
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: 'Stack nowhere does not stand on this machine.\n`npm run up -- --stack nowhere` stands it up.\n' });
  });
});

describe('the config of a stack', () => {
  let project: string;
  const stackFile = (stack: string, yaml: string) => writeFileSync(join(project, `Pulumi.${stack}.yaml`), yaml);
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'drawbridge-config-'));
    writeFileSync(join(project, 'Pulumi.yaml'), 'name: drawbridge\nconfig:\n  drawbridge:profile: {type: string, default: production}\n  drawbridge:localPort: {type: integer, default: 9443}\n  drawbridge:host: {type: string}\n');
  });
  afterEach(() => rmSync(project, { recursive: true }));

  it('is the defaults of Pulumi.yaml under the values of the stack’s file, with or without the namespace', () => {
    stackFile('dev', 'config:\n  drawbridge:profile: local\n  realm: people\n  docker:host: unix:///elsewhere\n');
    expect(readStackConfig('dev', project)).toMatchObject({ profile: 'local', localPort: 9443, realm: 'people', host: 'localhost' });
  });

  it('has numbers and booleans where `pulumi config set` has made texts of them, as it does of all in the file', () => {
    stackFile('dev', 'config:\n  drawbridge:profile: local\n  drawbridge:localPort: "8450"\n  drawbridge:previewRealms: "true"\n');
    expect(readStackConfig('dev', project)).toMatchObject({ localPort: 8450, previewRealms: true });
  });

  it('has no key twice and none of a misspelt namespace: both would be lost in silence', () => {
    stackFile('dev', 'config:\n  drawbridge:profile: local\n  drawbridge:clients: [claude]\n  clients: [cursor]\n  drawbrige:users: []\n  docker:host: unix:///elsewhere\n');
    expect(() => readStackConfig('dev', project)).toThrow(/has 2 problems[^]*drawbridge:clients is there twice[^]*drawbridge:users is written as drawbrige:users/);
  });

  it('shows every problem at once, also as JSON, and touches nothing', () => {
    stackFile('bad', 'config:\n  drawbridge:tiers: host\n  drawbridge:host: https://mcp.example.org/\n  drawbridge:tier: cloud\n  drawbridge:servers: [{name: mcp}]\n');
    const before = readdirSync(project);
    const log = vi.spyOn(console, 'log').mockReturnValue();
    try {
      expect(() => checkConfig({ stack: 'bad', json: true, directory: project })).toThrow(ConfigError);
      const printed = JSON.parse(log.mock.calls[0]?.[0] as string) as { ok: boolean; problems: { path: string }[] };
      expect(printed.ok).toBe(false);
      expect(printed.problems.map(({ path }) => path).sort()).toEqual(['host', 'servers[0].path', 'tier', 'tiers']);
    } finally {
      log.mockRestore();
    }
    expect(readdirSync(project)).toEqual(before);
  });

  it('is shown with what it leads to, and with what is dangerous about it', () => {
    stackFile('open', 'config:\n  drawbridge:profile: local\n  drawbridge:auth: none\n');
    const [log, warn] = [vi.spyOn(console, 'log').mockReturnValue(), vi.spyOn(console, 'warn').mockReturnValue()];
    try {
      checkConfig({ stack: 'open', directory: project });
      checkConfig({ stack: 'open', json: true, directory: project });
      expect(warn.mock.calls.flat()).toEqual([expect.stringMatching(/^DANGEROUS: drawbridge:auth is none/)]);
      expect(log.mock.calls.flat().slice(0, -1)).toEqual(['The config of stack open is right (profile local, tier host, auth none).', 'MCP URL   https://localhost:9443/mcp']);
      expect(JSON.parse(log.mock.calls.flat().at(-1) as string)).toMatchObject({ ok: true, auth: 'none', warnings: [expect.stringMatching(/^DANGEROUS/)] });
    } finally {
      log.mockRestore();
      warn.mockRestore();
    }
  });

  it.each([
    ['names the file to make, with an example, and the stacks there are', 'other', /There is no stack other: .*Pulumi\.other\.yaml is missing\. Known stacks: dev\.\nFor a stack on the internet, `npm run init -- --stack other` asks for what it needs\. For another one on this machine, make that file, for example:\nconfig:\n {2}drawbridge:profile: local/],
    ['names a file that is no YAML', 'broken', /Pulumi\.broken\.yaml is no YAML: /],
    ['names a file that is a list', 'list', /Pulumi\.list\.yaml must hold a map/],
  ])('%s', (_, stack, message) => {
    stackFile('dev', '');
    if (stack === 'broken') stackFile('broken', 'config: [');
    if (stack === 'list') stackFile('list', '- config');
    if (stack !== 'other') rmSync(join(project, 'Pulumi.dev.yaml'));
    expect(() => readStackConfig(stack, project)).toThrow(UsageError);
    expect(() => readStackConfig(stack, project)).toThrow(message);
  });
});

describe('up', () => {
  it('refuses a stack of profile production and points to pulumi up', () => {
    expect(() => refuseProduction({ profile: 'production' }, 'prod', 'up')).toThrow(UsageError);
    expect(() => refuseProduction({ profile: 'production' }, 'prod', 'up')).toThrow(/nothing was touched[^]*pulumi stack select prod[^]*pulumi up/);
    expect(() => refuseProduction({ profile: 'preview' }, 'p', 'up')).not.toThrow();
  });

  it('ends with the URL, the user, what to paste into a client, and what to do next', () => {
    const outputs = { resources: { mcp: { url: 'https://localhost:8443/mcp' } }, testUser: { username: 'demo', password: 'pw' }, caCertificate: '-----BEGIN CERTIFICATE-----\n' };
    expect(connectionText(connectionOf(outputs), 'local')).toEqual([
      'MCP URL      https://localhost:8443/mcp',
      'Sign in as   demo   password  pw',
      '',
      'The certificate is from a CA of this stack’s own, which changes when the stack stands up anew. A browser warns about it',
      'once; give it to clients that run on Node (Claude Code among them), and to curl, before you start them:',
      '  npm run --silent outputs -- caCertificate > drawbridge-ca.pem',
      '  export NODE_EXTRA_CA_CERTS="$PWD/drawbridge-ca.pem"',
      '',
      'Paste into a client:',
      '  Claude Code   claude mcp add --transport http drawbridge https://localhost:8443/mcp',
      '  VS Code       .vscode/mcp.json   { "servers": {"drawbridge":{"type":"http","url":"https://localhost:8443/mcp"}} }',
      '  Cursor        .cursor/mcp.json   { "mcpServers": {"drawbridge":{"url":"https://localhost:8443/mcp"}} }',
      '',
      'Try next:  curl -i --cacert drawbridge-ca.pem -X POST https://localhost:8443/mcp   (401, and where to sign in)',
      'Outputs again:  npm run outputs     Remove all of it:  npm run down',
    ]);
  });

  it('speaks of no certificate where the CA is publicly trusted, and names another stack in every command', () => {
    const text = connectionText({ servers: { mcp: 'https://mcp.example.org/mcp' }, auth: 'oauth' }, 'try').join('\n');
    expect(text).not.toMatch(/certificate|cacert|Sign in as/);
    expect(text).toContain('npm run down -- --stack try');
  });
});

describe('up without OAuth', () => {
  const resources = { mcp: { url: 'https://mcp.example.org/mcp' } };

  it('ends with the token, ready to paste, where the stack made it', () => {
    const text = connectionText(connectionOf({ resources, auth: 'bearer', bearerToken: 'abc' }), 'local').join('\n');
    expect(text).toContain('claude mcp add --transport http drawbridge https://mcp.example.org/mcp --header "Authorization: Bearer abc"');
    expect(text).toContain('{ "servers": {"drawbridge":{"type":"http","url":"https://mcp.example.org/mcp","headers":{"Authorization":"Bearer abc"}}} }');
    expect(text).toContain('(401 without the token)');
  });

  it('says whose tokens they are where the config has them, and shows none', () => {
    const text = connectionText(connectionOf({ resources, auth: 'bearer' }), 'local').join('\n');
    expect(text).toContain('TOKEN below is one of drawbridge:bearerTokens.');
    expect(text).toContain('--header "Authorization: Bearer TOKEN"');
  });

  it('says that everyone is let in, where everyone is', () => {
    const text = connectionText(connectionOf({ resources, auth: 'none' }), 'local').join('\n');
    expect(text).toContain('DANGEROUS    drawbridge:auth is none: whoever reaches it can use every tool');
    expect(text).not.toContain('Authorization');
  });
});

describe('outputs', () => {
  it('are one line each; a certificate is named, not printed', () => {
    expect(outputLines({ tier: 'host', resources: { mcp: { url: 'https://h/mcp', scopes: ['a', 'b'] } }, caCertificate: '-----BEGIN CERTIFICATE-----\nMII\n' }, 'dev')).toEqual([
      'tier                  host',
      'resources.mcp.url     https://h/mcp',
      'resources.mcp.scopes  a b',
      'caCertificate         (print it with: npm run --silent outputs -- --stack dev caCertificate)',
    ]);
  });
});

describe('test', () => {
  const projects = (...names: string[]) => names.flatMap((name) => ['--project', name]);
  it('runs every level but the one that needs the Pulumi CLI, which is alone; machines that tests make are beside the stack that tests share', () => {
    expect(runsOf([], false, true)).toEqual([projects('conformance', 'deployed'), projects('keycloak', 'hosts'), projects('tunnel'), projects('unit')]);
    expect(runsOf([], true, true)).toEqual([projects('cli'), projects('cli-hosts'), projects('cli-tunnel')]);
  });
  it('runs what is asked for at once', () => {
    expect(runsOf(['--project', 'unit'], false, true)).toEqual([['--project', 'unit']]);
    expect(runsOf(['-t', 'name'], false, true)).toEqual([['-t', 'name', ...projects('conformance', 'deployed', 'keycloak', 'hosts', 'unit')]]);
  });
  it('leaves out the machines that only root can make, where it is not root', () => {
    expect(runsOf([], false, false)).toEqual([projects('conformance', 'deployed'), projects('keycloak'), projects('unit')]);
    expect(runsOf([], true, false)).toEqual([projects('cli')]);
  });
  it('prepares no machine for unit tests', () => {
    expect(needsEngine(['--project=unit', '--project', 'conformance'])).toBe(false);
    expect(needsEngine(['--project', 'unit', '--project', 'deployed'])).toBe(true);
  });
});
