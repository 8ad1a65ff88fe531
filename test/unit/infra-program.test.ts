import * as pulumi from '@pulumi/pulumi';
import { beforeAll, describe, expect, it } from 'vitest';
import { generated, type ProgramRun, type Registered, runProgram } from '../support/mocked-program.ts';

type ContainerInputs = Partial<{
  name: string;
  user: string;
  readOnly: boolean;
  capabilities: { drops: string[]; adds?: string[] };
  securityOpts: string[];
  ports: { internal: number; external: number; ip: string }[];
  networkMode: string;
  networksAdvanced: { name: string }[];
  volumes: { volumeName: string; containerPath: string; readOnly?: boolean }[];
  envs: string[];
  memory: number;
  memorySwap: number;
  logDriver: string;
  logOpts: Record<string, string>;
  restart: string;
}>;

const configs = {
  local: { profile: 'local', localPort: 9443 },
  preview: { profile: 'preview', host: 'try.example.org' },
  production: { profile: 'production', host: 'mcp.example.org' },
};
type Profile = keyof typeof configs;
const profiles = Object.keys(configs) as Profile[];

const runs = {} as Record<Profile, ProgramRun>;
beforeAll(async () => {
  for (const profile of profiles) runs[profile] = await runProgram('s', configs[profile]);
});

const ofType = ({ resources }: ProgramRun, type: string) => resources.filter((resource) => resource.type.endsWith(`:${type}`));
const containers = (profile: Profile) => ofType(runs[profile], 'Container') as (Registered & { inputs: ContainerInputs })[];
const container = (profile: Profile, name: string) => containers(profile).find((each) => each.name === name)!.inputs;

/** Type → names, as far as the type matters to the outside. */
function inventory({ resources }: ProgramRun): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { type, name } of resources) (found[type.split(':').at(-1)!] ??= []).push(name);
  for (const names of Object.values(found)) names.sort();
  return found;
}

describe('the resources of a stack', () => {
  const common = {
    Secrets: ['secrets'],
    Images: ['images'],
    Database: ['database'],
    Keycloak: ['keycloak'],
    Backend: ['backend-mcp'],
    McpServer: ['server'],
    HostIngress: ['ingress'],
    Network: ['backend-mcp', 'data', 'edge'],
    Volume: ['acme', 'certificates', 'configuration', 'database-data'],
  };
  const builtEverywhere = ['image-applier', 'image-certificates', 'image-front', 'image-keycloak', 'image-server'];

  it('of profile local are these and no others', () => {
    expect(inventory(runs.local)).toEqual({
      ...common,
      Container: ['backend-mcp', 'certificates', 'database', 'front', 'keycloak', 'pebble', 'server'],
      RemoteImage: [...builtEverywhere, 'image-pebble', 'image-postgres'].sort(),
      Command: ['base-certbot', 'base-keycloak', 'base-nginx', 'base-node', 'base-pebble', 'base-postgres', 'ingress-configuration', 'ingress-serving', 'keycloak-realm'],
      RandomPassword: ['secrets-applier', 'secrets-bootstrap', 'secrets-database', 'secrets-test-user'],
    });
  });

  it('of profile production are these and no others: no test CA, no test user', () => {
    expect(inventory(runs.production)).toEqual({
      ...common,
      Container: ['backend-mcp', 'certificates', 'database', 'front', 'keycloak', 'server'],
      RemoteImage: [...builtEverywhere, 'image-postgres'].sort(),
      Command: ['base-certbot', 'base-keycloak', 'base-nginx', 'base-node', 'base-postgres', 'check', 'firewall', 'firewall-ports', 'front-place', 'ingress-configuration', 'ingress-serving', 'keycloak-realm', 'server-place'],
      RandomPassword: ['secrets-applier', 'secrets-bootstrap', 'secrets-database'],
    });
    expect(Object.keys(runs.production.exports)).toEqual(['tier', 'auth', 'issuer', 'jwksUrl', 'authorizationServerMetadataUrl', 'resources', 'clients', 'backup']);
  });

  it('of profile preview are those of production with a test user', () => {
    expect(inventory(runs.preview)).toEqual({ ...inventory(runs.production), RandomPassword: inventory(runs.local).RandomPassword });
  });

  it.each(profiles)('carry names and labels that say whose they are (%s)', (profile) => {
    const labelled = ['Container', 'Network', 'Volume'].flatMap((type) => ofType(runs[profile], type));
    for (const { name, inputs } of labelled) {
      const place = profile !== 'local' && ['front', 'server'].includes(name) ? '-a' : '';
      expect(inputs.name, name).toBe(`drawbridge-s-${name.replace('-data', '')}${place}`);
      expect(inputs.labels, name).toEqual([{ label: 'dev.drawbridge.stack', value: 's' }]);
    }
    for (const { name, inputs } of ofType(runs[profile], 'RemoteImage'))
      if (inputs.build) expect(inputs.name).toMatch(new RegExp(`^drawbridge\\.local/s/${name.slice('image-'.length)}:[0-9a-f]{12}$`));
  });

  it.each(profiles)('are the children of the component that makes them; only the two networks of the stack, the volumes that both tiers have, and the check and the firewall of its machine are nobody’s (%s)', (profile) => {
    const parents = Object.fromEntries(runs[profile].resources.map(({ type, name, parent }) => [`${type.split(':').at(-1)} ${name}`, parent.split('::').at(-1)]));
    const expected: Record<string, string> = {
      'Container database': 'database', 'Volume database-data': 'database', 'Container keycloak': 'keycloak', 'Command keycloak-realm': 'keycloak',
      'Container server': 'server', 'Container backend-mcp': 'backend-mcp', 'Network backend-mcp': 'backend-mcp', 'Container front': 'ingress', 'Container certificates': 'ingress', 'Command ingress-serving': 'ingress', 'Command firewall-ports': 'ingress', 'Volume acme': '', 'Volume certificates': '', 'Volume configuration': '',
    };
    if (profile === 'local') delete expected['Command firewall-ports'];
    expect(parents).toMatchObject(expected);
    for (const [resource, parent] of Object.entries(parents)) {
      if (/^(RemoteImage|Command base)/.test(resource)) expect(parent, resource).toBe('images');
      if (/^RandomPassword/.test(resource)) expect(parent, resource).toBe('secrets');
    }
    const components = Object.keys(common).filter((type) => !['Network', 'Volume'].includes(type));
    const topmost = runs[profile].resources.filter(({ parent }) => parent === '').map(({ type }) => type.split(':').at(-1)!);
    expect(topmost.sort()).toEqual([...components, 'Network', 'Network', 'Volume', 'Volume', 'Volume', ...(profile === 'local' ? [] : ['Command', 'Command'])].sort());
  });
});

describe('a gateway that takes over from another', () => {
  const needs = (profile: Profile) => ofType(runs[profile], 'McpServer')[0]!.dependencies.map((urn) => urn.split('::').at(-1));

  it.each(['preview', 'production'] as const)('is made once Keycloak runs and has its realm: it must find keys, and clients the scopes that it asks for (%s)', (profile) => {
    expect(needs(profile)).toEqual(expect.arrayContaining(['keycloak', 'keycloak-realm']));
  });

  it('is not waited for in profile local, where nobody is served meanwhile', () => {
    expect(needs('local')).toEqual([]);
  });
});

describe('what the outside can reach', () => {
  const published = (profile: Profile) => Object.fromEntries(containers(profile).flatMap(({ name, inputs }) => (inputs.ports ? [[name, inputs.ports]] : [])));

  it('is one port of the front on loopback, in profile local', () => {
    expect(published('local')).toEqual({ front: [{ internal: 443, external: 9443, ip: '127.0.0.1' }] });
  });

  it.each(['preview', 'production'] as const)('is the front on the host’s own network; the server, its metrics and Keycloak publish on loopback only (%s)', (profile) => {
    expect(published(profile)).toEqual({
      server: [
        { internal: 8080, external: expect.any(Number) as number, ip: '127.0.0.1' },
        { internal: 8082, external: 18082, ip: '127.0.0.1' },
      ],
      keycloak: [{ internal: 8080, external: expect.any(Number) as number, ip: '127.0.0.1' }],
    });
    expect(container(profile, 'front').networkMode).toBe('host');
  });

  it.each(profiles)('is never the database: on an internal network that only Keycloak shares (%s)', (profile) => {
    const on = (network: string) => containers(profile).filter(({ inputs }) => inputs.networksAdvanced?.some(({ name }) => name === `drawbridge-s-${network}`)).map(({ name }) => name).sort();
    expect(on('data')).toEqual(['database', 'keycloak']);
    expect(on('edge')).not.toContain('database');
    expect(ofType(runs[profile], 'Network').find(({ name }) => name === 'data')?.inputs.internal).toBe(true);
    // A network's name is a dependency only as long as it is taken from the network itself.
    for (const { name, inputs, dependencies } of containers(profile))
      for (const { name: network } of inputs.networksAdvanced ?? []) expect(dependencies.join(' '), name).toContain(`Network::${network.slice('drawbridge-s-'.length)}`);
  });

  it.each(profiles)('is no other network mode than those two (%s)', (profile) => {
    const modes = containers(profile).flatMap(({ name, inputs }) => (inputs.networkMode ? [[name, inputs.networkMode]] : []));
    expect(modes).toEqual(profile === 'local' ? [['pebble', 'container:front-id']] : [['front', 'host']]);
  });
});

describe.each(profiles)('every container (%s)', (profile) => {
  it('has a read-only root, no capabilities, no new privileges and a user that is not root', () => {
    for (const { name, inputs } of containers(profile)) {
      expect(inputs.readOnly, name).toBe(true);
      expect(inputs.capabilities?.drops, name).toEqual(['ALL']);
      expect(inputs.securityOpts, name).toEqual(['no-new-privileges']);
      // The exception: on the host's network only root can bind ports 80 and 443.
      const exception = name === 'front' && profile !== 'local';
      expect(inputs.user, name).toMatch(exception ? /^0:0$/ : /^[1-9]\d*:\d+$/);
      expect(inputs.capabilities?.adds, name).toEqual(exception ? ['CAP_NET_BIND_SERVICE', 'CAP_SETGID', 'CAP_SETUID'] : undefined);
    }
  });

  it('has an upper limit for its log and its memory, and starts again by itself', () => {
    for (const { name, inputs } of containers(profile)) {
      expect({ driver: inputs.logDriver, ...inputs.logOpts }, name).toEqual({ driver: 'json-file', 'max-size': '10m', 'max-file': '3' });
      expect(inputs.memory, name).toBeGreaterThan(0);
      expect(inputs.memory, name).toBeLessThanOrEqual(1024);
      expect(inputs.restart, name).toBe('unless-stopped');
    }
  });

  it('that a command starts keeps no log', () => {
    const starting = runs[profile]!.resources.flatMap(({ inputs }) => (typeof inputs.create === 'string' && inputs.create.includes('docker run') ? [inputs.create] : []));
    expect(starting).toHaveLength(1);
    expect(starting[0]).toContain('--log-driver none');
  });

  it('has nothing of the host in it: only volumes of its stack, no device, no privilege, no other namespace', () => {
    const known = ['capabilities', 'destroyGraceSeconds', 'entrypoints', 'envs', 'healthcheck', 'image', 'labels', 'logDriver', 'logOpts', 'memory', 'memorySwap', 'name', 'networkMode', 'networksAdvanced', 'ports', 'readOnly', 'restart', 'securityOpts', 'tmpfs', 'user', 'volumes', 'wait', 'waitTimeout'];
    for (const { name, inputs } of containers(profile)) {
      expect(Object.keys(inputs).filter((key) => !known.includes(key)), name).toEqual([]);
      for (const volume of inputs.volumes ?? []) {
        expect(Object.keys(volume).filter((key) => !['volumeName', 'containerPath', 'readOnly'].includes(key)), name).toEqual([]);
        expect(volume.volumeName, name).toMatch(/^drawbridge-s-(database|certificates|acme|configuration)$/);
      }
    }
    expect(container(profile, 'front').volumes).toEqual([{ volumeName: 'drawbridge-s-certificates', containerPath: '/certificates', readOnly: true }, { volumeName: 'drawbridge-s-configuration', containerPath: '/configuration' }]);
  });
});

describe('the applier, which a command runs', () => {
  it.each(profiles)('is confined like every other container, and leaves nothing behind (%s)', (profile) => {
    const { create, delete: undo } = ofType(runs[profile], 'Command').find(({ name }) => name === 'keycloak-realm')!.inputs as { create: string; delete: string };
    for (const flag of ['--rm', '--name drawbridge-s-applier', '--label dev.drawbridge.stack=s', '--network drawbridge-s-edge', '--read-only', '--cap-drop ALL', '--security-opt no-new-privileges'])
      expect(create).toContain(` ${flag} `);
    expect(create).not.toMatch(/--(privileged|volume|publish|env)\b| -[vpe] /);
    expect(undo).toContain('docker rm --force drawbridge-s-applier');
  });
});

describe('a generated secret', () => {
  const secretsOf = (profile: Profile) => ofType(runs[profile], 'RandomPassword').map(({ name }) => generated(name));
  const holders = (profile: Profile, secret: string) =>
    runs[profile].resources.flatMap(({ name, inputs, secretInputs }) =>
      Object.keys(inputs).flatMap((key) => (JSON.stringify(inputs[key]).includes(secret) ? [`${name}.${key}${secretInputs.includes(key) ? '' : ' in plain text'}`] : [])),
    );

  it.each(profiles)('goes to who needs it, each time as a secret input: never in a command, a label or a plain setting (%s)', (profile) => {
    expect(holders(profile, generated('secrets-database')).sort()).toEqual(['database.envs', 'keycloak.envs']);
    expect(holders(profile, generated('secrets-bootstrap')).sort()).toEqual(['keycloak-realm.stdin', 'keycloak.envs']);
    expect(holders(profile, generated('secrets-applier'))).toEqual(['keycloak-realm.stdin']);
    expect(holders(profile, generated('secrets-test-user'))).toEqual(profile === 'production' ? [] : ['keycloak-realm.stdin']);
  });

  it.each(profiles)('is nowhere else: the other inputs of the whole stack are plain and can be read by anyone (%s)', (profile) => {
    const secret = runs[profile].resources.flatMap(({ name, secretInputs }) => secretInputs.map((key) => `${name}.${key}`));
    expect(secret.sort()).toEqual(['database.envs', 'keycloak-realm.stdin', 'keycloak.envs']);
  });

  it.each(profiles)('is in no output but the test user’s, which is secret (%s)', async (profile) => {
    for (const [name, value] of Object.entries(runs[profile].exports)) {
      const { isSecret, value: settled } = await settle(value);
      const held = secretsOf(profile).filter((secret) => (JSON.stringify(settled) ?? '').includes(secret));
      expect({ name, held, isSecret }).toEqual({ name, held: name === 'testUser' && profile !== 'production' ? [generated('secrets-test-user')] : [], isSecret: name === 'testUser' && profile !== 'production' });
    }
  });
});

describe('the users of the config', () => {
  const users = [{ username: 'ann', email: 'ann@example.org' }, { username: 'bob', email: 'bob@example.org' }];
  let run: ProgramRun;
  beforeAll(async () => {
    run = await runProgram('s', { ...configs.production, users });
  });

  it('each have a password of their own for the first sign-in, in a secret output and in the applier’s secret orders, and nowhere else', async () => {
    const secrets = users.map(({ username }) => generated(`secrets-user-${username}`));
    expect(await settle(run.exports.users)).toEqual({ isSecret: true, value: { ann: { password: secrets[0] }, bob: { password: secrets[1] } } });
    const holders = run.resources.flatMap(({ name, inputs, secretInputs }) => Object.keys(inputs).filter((key) => secrets.some((secret) => JSON.stringify(inputs[key]).includes(secret))).map((key) => ({ at: `${name}.${key}`, isSecret: secretInputs.includes(key) })));
    expect(holders).toEqual([{ at: 'keycloak-realm.stdin', isSecret: true }]);
  });

  it('have no output where there are none', () => {
    expect(runs.production.exports.users).toBeUndefined();
  });
});

it('has people asked for the demonstration server by the names of its tools', () => {
  const realm = runs.local.resources.find(({ name }) => name === 'keycloak-realm')!;
  expect(realm.inputs.stdin).toContain('Use mcp: whoami, echo, wait, note_read\\n');
});

describe('rotation', () => {
  it('makes another secret of a generation that was raised, and keeps the applier’s former ones until Keycloak knows the new', async () => {
    const run = await runProgram('s', { ...configs.local, rotation: { database: 2, applier: 6, signingKey: 3 } });
    expect(inventory(run).RandomPassword).toEqual(['secrets-applier', 'secrets-applier-2', 'secrets-applier-3', 'secrets-applier-4', 'secrets-applier-5', 'secrets-applier-6', 'secrets-bootstrap', 'secrets-database-2', 'secrets-test-user']);
    const inputsOf = (name: string) => run.resources.find((each) => each.name === name && /Container|Command/.test(each.type))!.inputs as { envs: string[]; stdin: string };
    expect(inputsOf('database').envs).toContain(`POSTGRES_PASSWORD=${generated('secrets-database-2')}`);
    expect(inputsOf('keycloak').envs).toContain(`KC_DB_PASSWORD=${generated('secrets-database-2')}`);
    expect(JSON.parse(inputsOf('keycloak-realm').stdin)).toMatchObject({
      applier: { clientSecret: generated('secrets-applier-6') },
      formerSecrets: ['-5', '-4', '-3', '-2', ''].map((generation) => generated(`secrets-applier${generation}`)),
      desired: { signingKeys: { generation: 3, overlap: 90 * 24 * 3600 } },
    });
  });
});

describe('the identity providers of the config', () => {
  const provider = { clientId: 'gh', clientSecret: { secret: 'github' } };
  const federated = () => runProgram('s', { ...configs.production, identityProviders: { github: provider }, secrets: { github: 'planted-github-secret' } });

  it('have their secret in the applier’s secret orders and nowhere else, and their callback URL in an output', async () => {
    const { resources, exports } = await federated();
    const holders = resources.filter(({ inputs }) => JSON.stringify(inputs).includes('planted-github-secret'));
    expect(holders.map(({ name }) => name)).toEqual(['keycloak-realm']);
    expect(holders[0]!.secretInputs).toContain('stdin');
    const { desired, identityProviderSecrets } = JSON.parse(String(holders[0]!.inputs.stdin)) as { desired: object; identityProviderSecrets: object };
    expect(identityProviderSecrets).toEqual({ github: 'planted-github-secret' });
    expect(JSON.stringify(desired)).not.toContain('planted');
    expect(exports.identityProviders).toEqual({ github: { callbackUrl: 'https://mcp.example.org/auth/realms/main/broker/github/endpoint' } });
  });

  it('are the only hosts that Keycloak may ask, and have no output where there are none', async () => {
    const mappings = ({ resources }: ProgramRun) => (resources.find(({ type, name }) => type.endsWith(':Container') && name === 'keycloak')!.inputs.envs as string[]).find((line) => line.includes('PROXY_MAPPINGS'));
    expect(mappings(await federated())).toMatch(/=github\[\.\]com;NO_PROXY,api\[\.\]github\[\.\]com;NO_PROXY,\.\*;http:\/\/127\.0\.0\.1:9$/);
    expect(mappings(runs.production)).toMatch(/=\.\*;http:\/\/127\.0\.0\.1:9$/);
    expect(runs.production.exports).not.toHaveProperty('identityProviders');
  });
});

describe('what would be lost for good', () => {
  const protectedOnes = (profile: Profile) => runs[profile].resources.filter(({ protect }) => protect).map(({ name }) => name).sort();

  it('is protected in production: the database’s volume and the ACME account', () => {
    expect(protectedOnes('production')).toEqual(['acme', 'database-data']);
  });

  it.each(['local', 'preview'] as const)('is not protected in profile %s, which may be thrown away', (profile) => {
    expect(protectedOnes(profile)).toEqual([]);
  });
});

it('a wrong config makes the program stop with every problem at once, and register nothing', async () => {
  const { resources, error } = await runProgram('s', { profile: 'production', tier: 'cloud', hosts: 'mcp.example.org', servers: [{ name: 'mcp' }], 'drawbrige:users': [], 'docker:host': 'unix:///elsewhere' });
  // The one that Pulumi prints without a stack trace.
  expect(pulumi.RunError.isInstance(error)).toBe(true);
  for (const path of ['tier', 'hosts', 'host', 'servers[0].path', 'users']) expect((error as Error).message).toContain(`  drawbridge:${path} `);
  expect(resources).toEqual([]);
});

/** The value of an export, which may be an output. */
async function settle(value: unknown): Promise<{ isSecret: boolean; value: unknown }> {
  const output = value as { isSecret?: Promise<boolean>; promise?: () => Promise<unknown> } | undefined;
  if (typeof output?.promise !== 'function') return { isSecret: false, value };
  return { isSecret: (await output.isSecret) ?? false, value: await output.promise() };
}
