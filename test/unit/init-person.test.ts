import { screen } from '@inquirer/testing/vitest';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { init, type InitOptions } from '../../cli/init.ts';
import { connect } from '../../cloudflare/api.ts';
import { readStackConfig, readStackValues } from '../../cli/stack-file.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { reachedMachine } from '../support/reached-machine.ts';

/** A person at the terminal, who reads a question and answers it by keys. */
let directory: string;
let said: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-init-'));
  writeFileSync(join(directory, 'Pulumi.yaml'), readFileSync('Pulumi.yaml'));
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((said += String(text)), true));
  vi.stubEnv('CLOUDFLARE_API_TOKEN', '');
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const run = (options: Partial<InitOptions> = {}) => init({ stack: 'prod', directory, person: true, ...options });
const shows = (text: string) => vi.waitFor(() => expect(screen.getScreen()).toContain(text), { timeout: 10_000, interval: 5 });
/** Answers a question by typing. */
async function types(question: string, text: string) {
  await shows(question);
  if (text !== '') screen.type(text);
  screen.keypress('enter');
}
/** Takes the choice that is so many below the first. */
async function takes(question: string, below = 0) {
  await shows(question);
  for (let at = 0; at < below; at++) screen.keypress('down');
  screen.keypress('enter');
}
const erase = (length: number) => {
  for (let at = 0; at < length; at++) screen.keypress('backspace');
};
const written = () => readFileSync(join(directory, 'Pulumi.prod.yaml'), 'utf8');

describe('a person who deploys to a host', () => {
  it('is asked one thing after another, and has a config that check-config takes', async () => {
    reachedMachine({ names: { 'mcp.example.org': ['203.0.113.7'] }, addresses: ['203.0.113.7'] });
    const done = run();
    await takes('What is it for?');
    await takes('How do clients get in?');
    await types('Where does it run?', 'ssh://deploy@mcp.example.org');
    await types('Its public name?', 'mcp.example.org');
    await types('certificate authority', 'ann@example.org');
    await takes('Which MCP server is behind it?', 1);
    await types('Its URL?', 'https://files.example.net/mcp');
    await types('a token for it needs NAME:use', 'files');
    await types('Another server?', 'n');
    await takes('Which clients may connect?');
    await takes('Where do people sign in?');
    await types('An account for?', 'ann=ann@example.org');
    await types('Another account?', 'n');
    await done;
    expect(readStackConfig('prod', directory)).toMatchObject({
      tier: 'host',
      profile: 'production',
      host: 'mcp.example.org',
      deploy: { app: 'ssh://deploy@mcp.example.org', proxy: 'ssh://deploy@mcp.example.org' },
      acme: { email: 'ann@example.org' },
      servers: [{ name: 'files', path: '/files', backend: { url: 'https://files.example.net/mcp' }, scopes: ['files:use'] }],
      users: [{ username: 'ann', email: 'ann@example.org' }],
    });
    expect(said).toMatch(/Pulumi\.prod\.yaml is written\.[^]*MCP server files at https:\/\/mcp\.example\.org\/files[^]*pulumi up --stack prod/);
  });

  it('hears at once what is wrong with an answer, and gives another', async () => {
    reachedMachine({ names: { 'mcp.example.org': ['203.0.113.7'] }, addresses: ['203.0.113.7'] });
    const done = run({ profile: 'production', tier: 'host', server: ['builtin'], user: ['ann=ann@example.org'], client: ['claude'], acmeEmail: '' });
    await types('Where does it run?', 'mcp.example.org');
    await shows('is neither local nor ssh://user@host[:port]');
    erase(15);
    await types('Where does it run?', 'ssh://deploy@away');
    await shows('What now?');
    expect(said).toContain('problem: ssh://deploy@away: away does not answer on port 22');
    await takes('What now?');
    await types('Where does it run?', 'ssh://deploy@mcp.example.org');
    await types('Its public name?', 'https://MCP.example.org');
    await shows('is no host name');
    erase(23);
    await types('Its public name?', 'mcp.example.org');
    await done;
    expect(written()).toContain('app: ssh://deploy@mcp.example.org');
  });

  it('hears of a server or an account at the question for it what makes the whole config wrong', async () => {
    const done = run({ profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', client: ['claude'], skipChecks: true });
    await takes('Which MCP server is behind it?', 1);
    await types('Its URL?', 'http://localhost:3000/mcp');
    await shows('servers[0].backend.url');
    erase(25);
    await types('Its URL?', 'https://files.example.net/mcp');
    await types('What is it called?', 'auth');
    await shows('is taken: /auth belongs to the authorization server');
    erase(4);
    await types('What is it called?', 'files');
    await types('Another server?', 'n');
    await takes('Where do people sign in?');
    await types('An account for?', 'ann=ann@example.org');
    await types('Another account?', 'y');
    await types('An account for?', 'ann=ann@example.net');
    await shows('is taken: ann is in the list already');
    erase(19);
    await types('An account for?', 'bob=bob@example.org');
    await types('Another account?', 'n');
    await done;
    expect(readStackConfig('prod', directory)).toMatchObject({ servers: [{ name: 'files' }], users: [{ username: 'ann' }, { username: 'bob' }] });
  });

  it('whose flag makes the config wrong hears that before the next question, and is asked', async () => {
    const done = run({ profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', client: ['claude'], user: ['ann=ann@example.org'], server: ['{ name: auth, backend: builtin }'], skipChecks: true });
    await takes('Which MCP server is behind it?');
    expect(said).toContain('servers[0].path is taken: /auth belongs to the authorization server');
    await types('What is it called?', 'mcp');
    await types('Another server?', 'n');
    await done;
  });

  it('is told the callback URL, of the realm that there is, before the client id that it is needed for', async () => {
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), 'config:\n  drawbridge:realm: people\n');
    const done = run({ force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], client: ['claude'], allow: ['everyone'], skipChecks: true });
    await shows('Where do people sign in?');
    for (const key of ['down', 'space', 'down', 'space']) screen.keypress(key);
    screen.keypress('enter');
    await shows('The client id that GitHub shows');
    expect(said).toContain('(GitHub: Settings → Developer settings → OAuth Apps), with the callback URL https://mcp.example.org/auth/realms/people/broker/github/endpoint');
    expect(said).not.toContain('broker/google');
    await types('The client id that GitHub shows', 'Ov23li');
    await shows('The client id that Google shows');
    expect(said).toContain('(Google: Cloud console → Clients), with the callback URL https://mcp.example.org/auth/realms/people/broker/google/endpoint');
    await types('The client id that Google shows', '1-a.apps.googleusercontent.com');
    await types('An account for?', 'ann=ann@example.org');
    await types('Another account?', 'n');
    await done;
    expect(readStackValues('prod', directory).values).toMatchObject({ realm: 'people', identityProviders: { github: { clientId: 'Ov23li' }, google: { clientId: '1-a.apps.googleusercontent.com' } } });
  });

  it('puts right what is not an answer’s fault, and has it checked once more, or goes on all the same', async () => {
    const wrong = { names: { 'mcp.example.org': ['198.51.100.1'] }, addresses: ['203.0.113.7'] };
    const machine = reachedMachine({ ...wrong, names: {} });
    const flags = { profile: 'production', tier: 'host', deploy: 'ssh://deploy@m', host: 'mcp.example.org', server: ['builtin'], user: ['ann=ann@example.org'], client: ['claude'], acmeEmail: '' };
    const done = run(flags);
    await shows('What now?');
    expect(said).toContain('problem: mcp.example.org has no DNS record: it needs A 203.0.113.7');
    machine.change(wrong);
    await takes('What now?', 1);
    await vi.waitFor(() => expect(said).toContain('problem: mcp.example.org leads to 198.51.100.1, which is not this machine: its DNS records have to be A 203.0.113.7'));
    await takes('What now?', 2);
    await done;
    expect(existsSync(join(directory, 'Pulumi.prod.yaml'))).toBe(true);
  });

  it('who has a config keeps by Enter what it says', async () => {
    reachedMachine({ names: {}, addresses: ['10.0.0.2'] });
    const cloudflare = { accountId: 'a'.repeat(32), zone: 'example.test' };
    const asked = { profile: 'preview', tier: 'tunnel', host: 'mcp.example.test', deploy: { app: 'ssh://deploy@m', proxy: 'ssh://deploy@m' }, cloudflare: { ...cloudflare, token: { secret: 'cloudflare' } }, clients: ['claude', { id: 'mine', redirectUris: ['https://app.example.org/callback'] }] };
    const people = {
      servers: [{ name: 'files', path: '/files', backend: { url: 'https://files.example.net/mcp' }, scopes: ['files:read'], tools: { write: 'files:read' } }],
      users: [{ username: 'ann', email: 'ann@example.org' }],
      identityProviders: { github: { clientId: 'Ov23li', clientSecret: { secret: 'github' } } },
      allowlist: { users: ['ann'], groups: ['MCP Users'], domains: ['example.org'], caseSensitive: true },
    };
    const config = { ...asked, ...people };
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), JSON.stringify({ config: Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value])) }));
    const done = run({ force: true });
    for (const question of ['What is it for?', 'How do clients get in?', 'Where does it run?', 'Its public name?', 'Which zone at Cloudflare', 'An API token', 'The id of its account?', 'Keep the servers that are there? (files)', 'Which clients may connect? (besides your own, which stay: mine)', 'Keep who may sign in? (ann, GitHub)', 'Keep who may call? (ann, group:MCP Users, @example.org)']) await types(question, '');
    await done;
    expect((parse(written()) as { config: object }).config).toMatchObject(Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value])));
  });

  it('is asked once more for what the config says in more words than init has', async () => {
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), 'config:\n  drawbridge:identityProviders: { github: { clientId: Ov23li, clientSecret: { secret: other } } }\n');
    const done = run({ force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], client: ['claude'], skipChecks: true });
    await takes('Where do people sign in?');
    await types('An account for?', 'ann=ann@example.org');
    await types('Another account?', 'n');
    await done;
    expect(written()).toContain('email: ann@example.org');
    expect(written()).not.toMatch(/drawbridge:(identityProviders|allowlist)/);
    expect(said).toContain('no longer there: identityProviders\n');
  });

  it.each([
    ['that was everyone is given up', '', '(everyone)'],
    ['is given up', '  drawbridge:allowlist: { users: [ann] }\n', '(ann)'],
    ['cannot be read', '  drawbridge:allowlist: { groups: null }\n', undefined],
  ])('is asked who may call, with no answer that Enter takes, where the old one %s', async (_, allowlist, kept) => {
    const flags = { force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], client: ['claude'], identityProvider: ['github=Ov23li'], skipChecks: true };
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), `config:\n  drawbridge:identityProviders: { github: { clientId: Ov23li, clientSecret: { secret: github } } }\n${allowlist}`);
    const done = run(flags);
    if (kept) await types(`Keep who may call? ${kept}`, 'n');
    await types('Who of those may call? (names, with commas between', '');
    await shows('is empty: name who may call, or everyone');
    await types('Who of those may call?', 'github.octocat, group:MCP Users');
    await done;
    expect(readStackValues('prod', directory).values.allowlist).toEqual({ users: ['github.octocat'], groups: ['MCP Users'] });
  });

  it('keeps by Enter a list of somebody called everyone, who is not everyone', async () => {
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), 'config:\n  drawbridge:allowlist: { users: [everyone] }\n');
    const done = run({ force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], client: ['claude'], user: ['ann=ann@example.org'], skipChecks: true });
    await types('Keep who may call? (everyone)', '');
    await done;
    expect(readStackValues('prod', directory).values.allowlist).toEqual({ users: ['everyone'] });
  });

  it('may choose none of the clients that are known, where the config has some of its own', async () => {
    const own = { id: 'mine', redirectUris: ['https://app.example.org/callback'] };
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), JSON.stringify({ config: { 'drawbridge:clients': [own] } }));
    const done = run({ force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], user: ['ann=ann@example.org'], skipChecks: true });
    await types('(besides your own, which stay: mine)', '');
    await done;
    expect(readStackValues('prod', directory).values.clients).toEqual([own]);
  });

  it('has no clients chosen where those of the config cannot be read', async () => {
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), 'config:\n  drawbridge:clients: claude\n');
    const done = run({ force: true, profile: 'production', tier: 'host', deploy: 'local', host: 'mcp.example.org', acmeEmail: '', server: ['builtin'], user: ['ann=ann@example.org'], skipChecks: true });
    await shows('Which clients may connect?');
    screen.keypress('space');
    screen.keypress('enter');
    await done;
    expect(readStackValues('prod', directory).values.clients).toEqual(['claude']);
  });

  it('goes on without a machine that does not answer: what would be looked up there is not asked', async () => {
    reachedMachine({ names: {}, addresses: [] });
    const done = run({ profile: 'production', tier: 'host', deploy: 'ssh://deploy@away', server: ['builtin'], user: ['ann=ann@example.org'], client: ['claude'], acmeEmail: '' });
    await takes('What now?', 2);
    await types('Its public name?', 'mcp.example.org');
    await done;
    expect(said.match(/problem: /g)).toHaveLength(1);
    expect(said).toContain('note: mcp.example.org is not looked up: that takes the machine, which is not reached');
  });

  it('who says no to a file that is there, or leaves at a question, has nothing written', async () => {
    const before = 'config:\n  drawbridge:profile: local\n';
    writeFileSync(join(directory, 'Pulumi.prod.yaml'), before);
    const refused = expect(run()).rejects.toThrow('Stopped; nothing was written.');
    await types('Replace it?', 'n');
    await refused;
    const left = expect(run({ force: true })).rejects.toThrow('Stopped; nothing was written.');
    await shows('What is it for?');
    screen.keypress({ name: 'c', ctrl: true });
    await left;
    expect(written()).toBe(before);
  });
});

describe('a person who deploys behind a tunnel', () => {
  let cloudflare: CloudflareSimulation;
  beforeEach(async () => {
    cloudflare = await CloudflareSimulation.start({ zones: ['example.test'] });
    vi.stubEnv('CLOUDFLARE_BASE_URL', cloudflare.url);
    reachedMachine({ names: {}, addresses: ['10.0.0.2'] });
  });
  afterEach(() => cloudflare.stop());

  it('hears at the zone that the name is too far below it', async () => {
    const done = run({ profile: 'production', tier: 'tunnel', deploy: 'ssh://deploy@m', host: 'a.b.example.test', server: ['builtin'], user: ['ann=ann@example.org'], client: ['claude'], skipChecks: true });
    await shows('Which zone at Cloudflare');
    await types('Which zone at Cloudflare', 'example.test');
    await shows('two labels under the zone');
    erase(12);
    await types('Which zone at Cloudflare', 'b.example.test');
    await types('An API token', '');
    await types('The id of its account?', 'a'.repeat(32));
    await done;
  });

  it('over a tunnel that stands is not told that it is somebody else’s', async () => {
    const token = cloudflare.tokenWith(['Zone Read', 'DNS Write', 'Cloudflare Tunnel Write', 'Cache Settings Write']);
    vi.stubEnv('CLOUDFLARE_API_TOKEN', token);
    const flags = { profile: 'production', tier: 'tunnel', deploy: 'ssh://deploy@m', host: 'mcp.example.test', server: ['builtin'], user: ['ann=ann@example.org'], client: ['claude'], person: false };
    await run(flags);
    await connect({ token }).zeroTrust.tunnels.cloudflared.create({ account_id: cloudflare.accountId, name: 'drawbridge-prod', config_src: 'cloudflare' });
    await run({ ...flags, force: true });
    rmSync(join(directory, 'Pulumi.prod.yaml'));
    await expect(run(flags)).rejects.toThrow('there is a tunnel drawbridge-prod already that this stack did not make');
  });

  it('gives a token that only asks: which account it is, and whether it may do all that it has to', async () => {
    const [weak, strong] = [cloudflare.tokenWith(['Zone Read', 'DNS Write']), cloudflare.tokenWith(['Zone Read', 'DNS Write', 'Cloudflare Tunnel Write', 'Cache Settings Write'])];
    const done = run({ profile: 'production', tier: 'tunnel', deploy: 'ssh://deploy@m', host: 'mcp.example.test', server: ['builtin'], identityProvider: ['github=Ov23li'], allow: ['github.octocat'], client: ['claude'] });
    await types('Which zone at Cloudflare', '');
    await shows('An API token');
    expect(said).toContain('What a token has to be allowed is listed in docs/tunnel.md');
    await types('An API token', weak);
    await types(`(${cloudflare.accountId})`, '');
    await shows('What now?');
    expect(said).toMatch(/problem: the token lacks the permission Account → Cloudflare Tunnel → Edit[^]*problem: the token lacks the permission Zone → Cache Rules → Edit/);
    await takes('What now?');
    await types('Which zone at Cloudflare', '');
    await types('An API token', strong);
    await types('The id of its account?', '');
    await done;
    expect(cloudflare.leftovers()).toEqual([]);
    expect(written()).toMatch(new RegExp(`drawbridge:cloudflare:\\n {4}accountId: ${cloudflare.accountId}\\n {4}zone: example\\.test\\n {4}token:\\n {6}secret: cloudflare`));
    for (const token of [weak, strong]) expect(`${written()}${said}${await screen.getFullOutput()}`).not.toContain(token);
    expect(said).toContain("pulumi config set --stack prod --secret --path 'drawbridge:secrets.cloudflare'");
    expect(said).toContain('Cloudflare’s zones keep AI bots out unless told otherwise');
    expect(said).toContain('Give github the callback URL https://mcp.example.test/auth/realms/main/broker/github/endpoint');
  });
});
