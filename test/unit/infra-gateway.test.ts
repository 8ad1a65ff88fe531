import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseSettings as parseStdioSettings } from '../../backends/stdio/settings.ts';
import { parseSettings } from '../../server/settings.ts';
import { generated, type ProgramRun, runProgram } from '../support/mocked-program.ts';

interface Settings {
  metricsPort?: number;
  allowedHosts: string[];
  auth: Record<string, unknown>;
  identityKey?: string;
  identityJwksPath?: string;
  servers: { name: string; metadataUrl?: string; metadataPaths: string[]; allowlist?: object; backend: { url: string; identity: string; headers: Record<string, string> } }[];
}
interface ContainerInputs {
  image: string;
  user?: string;
  readOnly: boolean;
  capabilities: { drops: string[] };
  securityOpts: string[];
  entrypoints?: string[];
  memory: number;
  tmpfs: Record<string, string>;
  envs: string[];
  mounts?: object[];
  volumes?: { volumeName: string; containerPath: string }[];
  hosts?: object[];
  networksAdvanced: { name: string; aliases: string[] }[];
}

const find = (run: ProgramRun, type: string, name: string) => run.resources.find((resource) => resource.type.endsWith(`:${type}`) && resource.name === name);
const container = (run: ProgramRun, name: string) => find(run, 'Container', name)!.inputs as unknown as ContainerInputs;
const variable = (run: ProgramRun, role: string, name: string) => container(run, role).envs.find((each) => each.startsWith(`${name}=`))!.slice(name.length + 1);
/** The gateway's settings, which the gateway accepts. */
function settingsOf(run: ProgramRun): Settings {
  const text = variable(run, 'server', 'DRAWBRIDGE_SERVER');
  parseSettings(text);
  return JSON.parse(text) as Settings;
}
const isSecret = (run: ProgramRun, name: string) => find(run, 'Container', name)!.secretInputs.includes('envs');
const names = (run: ProgramRun, type: string) => run.resources.filter((resource) => resource.type.endsWith(`:${type}`)).map(({ name }) => name).sort();
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const production = { profile: 'production', host: 'mcp.example.org' };
const secrets = { github: 'planted-github-token', key: 'planted-backend-key', ci: 'planted-bearer-token-of-the-ci-job-1' };
const everyKind = {
  servers: [
    { name: 'demo', path: '/demo', scopes: ['demo'], tools: {} },
    { name: 'files', path: '/files', scopes: ['files'], backend: { command: 'npx', args: ['-y', 'a-package'], env: { LEVEL: 'debug', TOKEN: { secret: 'github' } }, mounts: [{ source: '/srv/files', target: '/files' }] } },
    { name: 'plain', path: '/plain', scopes: ['plain'], backend: { command: 'uvx', processes: 'shared' } },
    { name: 'mine', path: '/mine', scopes: ['mine'], identity: 'signed', backend: { image: 'my/server:1', port: 3000, path: '/', env: { TOKEN: { secret: 'github' } }, mounts: [{ source: '/srv/mine', target: '/mine', readOnly: false }] } },
    { name: 'far', path: '/far', scopes: ['far'], backend: { url: 'https://mcp.example.net/v1' }, credential: { secret: 'key' } },
    { name: 'near', path: '/near', scopes: ['near'], identity: 'plain', backend: { url: 'http://host.docker.internal:8000/mcp' }, credential: { secret: 'key', header: 'X-Api-Key' } },
  ],
  secrets,
};

describe('backends', () => {
  let run: ProgramRun;
  beforeAll(async () => {
    run = await runProgram('s', { ...production, ...everyKind });
    if (run.error) throw run.error as Error;
  });

  it('have a container each, and none where they are elsewhere', () => {
    expect(names(run, 'Container').filter((name) => name.startsWith('backend-'))).toEqual(['backend-demo', 'backend-files', 'backend-mine', 'backend-plain']);
  });

  it('have a network each, on which the gateway is the only neighbour; it joins them in the order of the config', () => {
    const members: Record<string, string[]> = {};
    for (const { type, name, inputs } of run.resources)
      if (type.endsWith(':Container')) for (const network of (inputs as unknown as ContainerInputs).networksAdvanced ?? []) (members[network.name] ??= []).push(name);
    for (const name of ['demo', 'files', 'plain', 'mine']) expect(members[`drawbridge-s-backend-${name}`]?.sort(), name).toEqual([`backend-${name}`, 'server']);
    expect(container(run, 'server').networksAdvanced.map(({ name }) => name)).toEqual(['edge', 'backend-demo', 'backend-files', 'backend-plain', 'backend-mine'].map((name) => `drawbridge-s-${name}`));
    expect(container(run, 'backend-mine').networksAdvanced).toEqual([{ name: 'drawbridge-s-backend-mine', aliases: ['backend-mine'] }]);
  });

  it('may reach the internet, but for the demonstration server, which has no business there', () => {
    const internal = run.resources.filter(({ type, inputs }) => type.endsWith(':Network') && inputs.internal === true).map(({ name }) => name);
    expect(internal.sort()).toEqual(['backend-demo', 'data']);
  });

  it('are confined: read-only root, no capabilities, no new privileges, bounded memory, and a user that is not root unless an image of the user’s says so', () => {
    for (const name of ['demo', 'files', 'plain', 'mine']) {
      const { readOnly, capabilities, securityOpts, tmpfs, user, memory } = container(run, `backend-${name}`);
      expect({ readOnly, capabilities, securityOpts, tmpfs }, name).toEqual({ readOnly: true, capabilities: { drops: ['ALL'] }, securityOpts: ['no-new-privileges'], tmpfs: { '/tmp': 'rw,mode=1777' } });
      expect(user, name).toBe(name === 'mine' ? undefined : '1000:1000');
      expect(memory, name).toBeLessThanOrEqual(1024);
    }
  });

  it('get what runs: the demonstration server from the gateway’s image, the supervisor, and the user’s own image', () => {
    expect(container(run, 'backend-demo')).toMatchObject({ image: 'sha256:image-server', entrypoints: ['node', 'backends/builtin/main.ts'] });
    expect(container(run, 'backend-files').image).toBe('sha256:image-stdio');
    expect(container(run, 'backend-mine').image).toBe('sha256:image-backend-mine');
    expect(find(run, 'RemoteImage', 'image-backend-mine')!.inputs).toEqual({ name: 'my/server:1', keepLocally: true });
    expect(names(run, 'RemoteImage').filter((name) => name === 'image-server' || name === 'image-stdio')).toEqual(['image-server', 'image-stdio']);
  });

  it('get their environment as they expect it, marked as a secret where it holds one', () => {
    const setting = variable(run, 'backend-files', 'DRAWBRIDGE_STDIO');
    expect(JSON.parse(setting)).toEqual({ command: 'npx', args: ['-y', 'a-package'], env: { LEVEL: 'debug', TOKEN: secrets.github }, processes: 'per-user', maxProcesses: 10 });
    expect(parseStdioSettings(setting)).toMatchObject({ command: 'npx', processes: 'per-user' });
    expect(container(run, 'backend-mine').envs).toEqual([`TOKEN=${secrets.github}`]);
    expect(Object.fromEntries(['demo', 'files', 'plain', 'mine'].map((name) => [name, isSecret(run, `backend-${name}`)]))).toEqual({ demo: false, files: true, plain: false, mine: true });
  });

  it('get the directories of this machine that the config names, which must be there', () => {
    expect(container(run, 'backend-files').mounts).toEqual([{ type: 'bind', source: '/srv/files', target: '/files', readOnly: true }]);
    expect(container(run, 'backend-mine').mounts).toEqual([{ type: 'bind', source: '/srv/mine', target: '/mine', readOnly: false }]);
  });

  it('of a command keep their downloads and their data in volumes; in production the data is protected', () => {
    expect(container(run, 'backend-files').volumes).toEqual([
      { volumeName: 'drawbridge-s-cache-files', containerPath: '/home/node' },
      { volumeName: 'drawbridge-s-data-files', containerPath: '/data' },
    ]);
    expect(run.resources.filter(({ protect }) => protect).map(({ name }) => name).sort()).toEqual(['acme', 'data-files', 'data-plain', 'database-data']);
  });

  it('are URLs to the gateway, with what each is told and its own credential', () => {
    expect(settingsOf(run).servers.map(({ backend }) => backend)).toEqual([
      { url: 'http://backend-demo:8080/mcp', identity: 'plain', headers: {} },
      { url: 'http://backend-files:8080/mcp', identity: 'plain', headers: {} },
      { url: 'http://backend-plain:8080/mcp', identity: 'plain', headers: {} },
      { url: 'http://backend-mine:3000/', identity: 'signed', headers: {} },
      { url: 'https://mcp.example.net/v1', identity: 'none', headers: { Authorization: `Bearer ${secrets.key}` } },
      { url: 'http://host.docker.internal:8000/mcp', identity: 'plain', headers: { 'X-Api-Key': secrets.key } },
    ]);
    expect(container(run, 'server').hosts).toEqual([{ host: 'host.docker.internal', ip: 'host-gateway' }]);
  });

  it('can verify signed identity: the key is a seed of 32 bytes that only the gateway has, its JWKS is public', () => {
    const { identityKey, identityJwksPath } = settingsOf(run);
    expect(identityKey).toBe(sha256(generated('secrets-identity')));
    expect(run.exports.identityJwksUrl).toBe(`https://mcp.example.org${identityJwksPath}`);
    expect(find(run, 'Command', 'ingress-configuration')!.inputs.stdin).toContain(`location = ${identityJwksPath} {`);
  });

  it('have their secrets nowhere in plain text', () => {
    for (const { name, inputs, secretInputs } of run.resources)
      for (const [key, value] of Object.entries(inputs)) if (!secretInputs.includes(key)) expect(JSON.stringify(value), `${name}.${key}`).not.toMatch(/planted|generated-/);
    expect(isSecret(run, 'server')).toBe(true);
  });
});

describe('the gateway', () => {
  it('has settings without a secret where nothing in them is one, and no key, no metrics port and no host name that nobody needs', async () => {
    const run = await runProgram('s', { profile: 'local' });
    expect(isSecret(run, 'server')).toBe(false);
    expect(settingsOf(run)).not.toHaveProperty('identityKey');
    expect(settingsOf(run)).not.toHaveProperty('identityJwksPath');
    expect(settingsOf(run)).not.toHaveProperty('metricsPort');
    expect(container(run, 'server').hosts).toBeUndefined();
    expect(names(run, 'RandomPassword')).not.toContain('secrets-identity');
  });

  it('has a metrics port where its front is on the host’s network: on loopback', async () => {
    const run = await runProgram('s', production);
    const { metricsPort } = settingsOf(run);
    expect(find(run, 'Container', 'server')!.inputs.ports).toContainEqual({ internal: metricsPort, external: 18082, ip: '127.0.0.1' });
  });
});

describe('who issues the tokens', () => {
  const keycloakParts = /^(keycloak|database|data|image-(keycloak|applier|postgres)|base-(keycloak|postgres)|secrets-(database|bootstrap|applier|test-user))/;
  const run = (config: object) => runProgram('s', { profile: 'local', ...config });
  const issuer = { issuer: 'https://login.example.net/tenant/' };
  const metadataUrls = ['https://login.example.net/.well-known/oauth-authorization-server/tenant', 'https://login.example.net/.well-known/openid-configuration/tenant', 'https://login.example.net/tenant/.well-known/openid-configuration'];

  it.each([
    ['bearer', { auth: 'bearer' }],
    ['none', { auth: 'none' }],
    ['oauth with an authorization server that is there already', { authorizationServer: issuer }],
  ])('is no Keycloak and no database of the stack’s own with %s: they are not there, and no route leads to them', async (_, config) => {
    const { resources, exports } = await run(config);
    expect(resources.map(({ name }) => name).filter((name) => keycloakParts.test(name))).toEqual([]);
    expect(Object.keys(exports).filter((name) => /^(jwksUrl|authorizationServerMetadataUrl|clients|testUser)$/.test(name))).toEqual([]);
    const configuration = resources.find(({ name }) => name === 'ingress-configuration')!;
    expect(JSON.stringify(configuration.inputs)).not.toMatch(/keycloak|\/auth/);
  });

  it('is the Keycloak of the stack by default, whose keys the gateway fetches inside the network', async () => {
    const found = await run({});
    expect(settingsOf(found).auth).toEqual({ kind: 'jwks', issuer: 'https://localhost:8443/auth/realms/main', jwksUrl: 'http://keycloak:8080/auth/realms/main/protocol/openid-connect/certs' });
    expect(found.exports).toMatchObject({ auth: 'oauth', issuer: 'https://localhost:8443/auth/realms/main' });
  });

  it('may be the user’s own authorization server: its metadata is looked for where MCP clients look, and its issuer is taken byte for byte', async () => {
    const found = await run({ authorizationServer: issuer });
    expect(settingsOf(found).auth).toEqual({ kind: 'discovery', ...issuer, metadataUrls });
    expect(settingsOf(found).servers[0]).toMatchObject({ metadataUrl: 'https://localhost:8443/.well-known/oauth-protected-resource/mcp' });
    expect(found.exports).toMatchObject({ issuer: issuer.issuer });
    expect(isSecret(found, 'server')).toBe(false);
  });

  it('may be asked about each token (RFC 7662), with a secret of the config', async () => {
    const found = await run({ authorizationServer: { ...issuer, introspection: { clientId: 'gateway', clientSecret: { secret: 'key' } } }, secrets });
    expect(settingsOf(found).auth).toEqual({ kind: 'introspection', ...issuer, metadataUrls, clientId: 'gateway', clientSecret: secrets.key });
    expect(isSecret(found, 'server')).toBe(true);
  });

  it('is nobody with bearer: the gateway knows hashes of fixed tokens, and there is no OAuth metadata', async () => {
    const found = await run({ auth: 'bearer', bearerTokens: { ci: { secret: 'ci' } }, secrets });
    expect(settingsOf(found).auth).toEqual({ kind: 'bearer', tokens: [{ name: 'ci', sha256: sha256(secrets.ci) }] });
    expect(settingsOf(found).servers[0]!.metadataPaths).toEqual([]);
    expect(settingsOf(found).servers[0]).not.toHaveProperty('metadataUrl');
    expect(find(found, 'Command', 'ingress-configuration')!.inputs.stdin).not.toContain('.well-known/oauth');
    expect(Object.keys(found.exports)).toEqual(['tier', 'auth', 'resources', 'caCertificate']);
    expect(names(found, 'RandomPassword')).toEqual([]);
  });

  it('with bearer and no token in the config the stack makes one, which is a secret output', async () => {
    const found = await run({ auth: 'bearer' });
    expect(settingsOf(found).auth).toEqual({ kind: 'bearer', tokens: [{ name: 'drawbridge', sha256: sha256(generated('secrets-bearer')) }] });
    const token = found.exports.bearerToken as { isSecret: Promise<boolean>; promise: () => Promise<string> };
    expect([await token.isSecret, await token.promise()]).toEqual([true, generated('secrets-bearer')]);
    expect(isSecret(found, 'server')).toBe(true);
  });

  it('with none everyone is let in, and every run says loudly that this is dangerous', async () => {
    const found = await runProgram('s', { ...production, auth: 'none' });
    expect(settingsOf(found).auth).toEqual({ kind: 'none' });
    expect(found.said.warnings).toEqual([expect.stringMatching(/^DANGEROUS: drawbridge:auth is none/)]);
    expect((await run({ auth: 'bearer' })).said.warnings).toEqual([]);
  });

  it('decides which hosts there are: without a Keycloak there is none to sign in at', async () => {
    const hosts = async (auth: string) => settingsOf(await runProgram('s', { host: 'example.org', layout: 'subdomains', auth })).allowedHosts;
    expect([await hosts('oauth'), await hosts('bearer')]).toEqual([['mcp.example.org', 'auth.example.org'], ['mcp.example.org']]);
  });

  it('can be changed in production only by who gives up the users of the Keycloak, and is told how', async () => {
    const [note, ...others] = (await runProgram('prod', { ...production, auth: 'bearer' })).said.notes;
    expect(others).toEqual([]);
    expect(note).toContain('npm run backup -- --stack prod --to drawbridge-prod.age');
    expect(note).toContain("pulumi state unprotect 'urn:pulumi:prod::drawbridge::drawbridge:infra:Database$docker:index/volume:Volume::database-data'");
    expect((await runProgram('prod', production)).said.notes).toEqual([]);
    expect((await run({ auth: 'bearer' })).said.notes).toEqual([]);
  });

  it('keeps its URNs over a change of auth, so that what stays is not made anew', async () => {
    const [oauth, bearer] = [await run({}), await run({ auth: 'bearer' })];
    const unchanged = bearer.resources.filter(({ type, name, parent, inputs }) =>
      oauth.resources.some((other) => other.type === type && other.name === name && other.parent === parent && JSON.stringify(other.inputs) === JSON.stringify(inputs)));
    // The gateway's settings and the front's routes differ, which is what those are replaced for.
    expect(bearer.resources.filter((resource) => !unchanged.includes(resource)).map(({ name }) => name).sort()).toEqual(['ingress-configuration', 'secrets-bearer', 'server']);
  });
});

describe('the realm', () => {
  const mappers = async (config: object) => {
    const run = await runProgram('s', { profile: 'local', ...config });
    const { stdin } = find(run, 'Command', 'keycloak-realm')!.inputs as { stdin: string };
    const { desired } = JSON.parse(stdin) as { desired: { scopes: { name: string; protocolMappers: { name: string }[] }[] } };
    return Object.fromEntries(desired.scopes.map(({ name, protocolMappers }) => [name, protocolMappers.map((mapper) => mapper.name)]));
  };
  const servers = [
    { name: 'a', path: '/a', scopes: ['a:read', 'a:write'], allowlist: { groups: ['ops'] } },
    { name: 'b', path: '/b', scopes: ['b:read'] },
  ];

  it('says of a person what the allow-list of a server needs, in the tokens for that server alone', async () => {
    expect(await mappers({ servers })).toEqual({ 'a:read': ['audience', 'groups'], 'a:write': ['audience'], 'b:read': ['audience'] });
    expect(await mappers({ servers, allowlist: { domains: ['example.org'] } })).toMatchObject({ 'a:read': ['audience', 'groups'], 'b:read': ['audience', 'email', 'email verified'] });
    expect(await mappers({ servers, allowlist: { users: ['ann@example.org'] } })).toMatchObject({ 'b:read': ['audience', 'email', 'email verified'] });
    expect(await mappers({ servers, allowlist: { users: ['ann'] } })).toMatchObject({ 'b:read': ['audience'] });
  });
});
