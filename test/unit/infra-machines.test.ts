import { beforeAll, describe, expect, it } from 'vitest';
import { type ProgramRun, type Registered, runProgram } from '../support/mocked-program.ts';

const stack = { profile: 'preview', host: 'try.example.org' };
const app = 'ssh://deploy@10.0.0.5:2222';
const proxy = 'ssh://root@10.0.0.4';

let local: ProgramRun;
let one: ProgramRun;
let two: ProgramRun;
beforeAll(async () => {
  local = await runProgram('s', stack);
  one = await runProgram('s', { ...stack, deploy: { app, proxy: app } });
  two = await runProgram('s', { ...stack, deploy: { app, proxy, appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' } });
});

const onDocker = ({ resources }: ProgramRun) => resources.filter(({ type }) => type.startsWith('docker:'));
/** Without the machine that it is on, which is in the names of all that is elsewhere. */
const role = (name: string) => name.replace(/@.*/, '');
const input = <T>({ resources }: ProgramRun, name: string, key: string, type = 'Container') => resources.find((each) => role(each.name) === name && each.type.endsWith(`:${type}`))!.inputs[key] as T;
const names = (resources: Registered[]) => resources.map(({ name }) => role(name)).sort();

describe('a stack on this machine', () => {
  it('has no provider of its own and no DOCKER_HOST: the engine of the environment is its engine', () => {
    expect(local.resources.filter(({ type }) => type.startsWith('pulumi:providers'))).toEqual([]);
    expect(onDocker(local).filter(({ provider }) => provider)).toEqual([]);
    for (const { name, type, inputs } of local.resources) if (type.endsWith(':Command') && name.startsWith('base-')) expect(inputs.environment, name).toBeUndefined();
  });
});

describe('a stack on one other machine', () => {
  it('has all its Docker objects there, through one provider that says where', () => {
    expect(one.resources.filter(({ type }) => type === 'pulumi:providers:docker').map(({ name, inputs }) => [name, inputs.host])).toEqual([['docker@10.0.0.5-2222', app]]);
    expect(onDocker(one).filter(({ provider }) => provider !== 'docker@10.0.0.5-2222')).toEqual([]);
    expect(names(onDocker(one))).toEqual(names(onDocker(local)));
  });

  // To Pulumi a resource whose provider alone has changed is the same: what is on the machine before would be forgotten.
  it('consists of other resources than one that is elsewhere, and of the same for who signs in there by another name', async () => {
    const urns = (run: ProgramRun) => onDocker(run).map(({ type, name }) => `${type}::${name}`);
    const again = await runProgram('s', { ...stack, deploy: { app: app.replace('deploy', 'root'), proxy: app.replace('deploy', 'root') } });
    expect(urns(one).filter((urn) => urns(local).includes(urn))).toEqual([]);
    expect(urns(again)).toEqual(urns(one));
    for (const each of ['check', 'firewall', 'ingress-configuration', 'keycloak-realm']) expect(one.resources.map(({ name }) => name)).toContain(`${each}@10.0.0.5-2222`);
  });

  it('decides on its base images there', () => {
    const commands = one.resources.filter(({ name }) => name.startsWith('base-'));
    expect(commands.map(({ inputs }) => inputs.environment)).toEqual(commands.map(() => ({ DOCKER_HOST: app })));
  });

  it('publishes on loopback only, as it does here', () => {
    for (const name of ['server', 'keycloak']) expect(input(one, name, 'ports')).toEqual(input(local, name, 'ports'));
  });

  it('has its commands run there by ssh, with the host key checked and nothing asked', () => {
    for (const [name, script] of [['ingress-serving', 'docker exec'], ['keycloak-realm', 'docker run']] as const) {
      const create = input<string>(one, name, 'create', 'Command');
      expect(create).toMatch(/^'ssh' '-o' 'BatchMode=yes' .*'-l' 'deploy' '-p' '2222' '--' '10\.0\.0\.5' 'exec sh -c /);
      expect(create).toContain(script);
      expect(create).not.toContain('StrictHostKeyChecking');
    }
    expect(input<string>(one, 'keycloak-realm', 'delete', 'Command')).toMatch(/^'ssh' .*docker rm --force/);
  });
});

describe('the check of a machine', () => {
  const check = (run: ProgramRun, name: string) => run.resources.find((each) => each.name === name)!.inputs as { create: string; environment: { HOST_TARGET: string; HOST_WANTED: string } };

  it('is for each machine what is wanted of it', () => {
    expect(check(one, 'check@10.0.0.5-2222').environment.HOST_TARGET).toBe(app);
    expect(JSON.parse(check(one, 'check@10.0.0.5-2222').environment.HOST_WANTED)).toEqual({
      stack: 's',
      firewall: true,
      front: { names: ['try.example.org'], publicAddresses: [], acmeDirectory: 'https://acme-v02.api.letsencrypt.org/directory', http01: true, behindProxies: false },
      app: { address: '127.0.0.1', ports: [18080, 18082, 18084, 18085, 18081] },
    });
    expect(Object.keys(JSON.parse(check(two, 'check@10.0.0.5-2222').environment.HOST_WANTED) as object)).toEqual(['stack', 'firewall', 'app']);
    expect(Object.keys(JSON.parse(check(two, 'check@10.0.0.4').environment.HOST_WANTED) as object)).toEqual(['stack', 'firewall', 'front']);
  });

  it.each([['here', () => local], ['elsewhere', () => one], ['on two', () => two]] as const)('comes before everything that is made there (%s)', (_, run) => {
    const { resources } = run();
    const ofUrn = (urn: string) => resources.find(({ type, name }) => urn.endsWith(`::${name}`) && urn.split('::').at(-2)!.endsWith(type))!;
    const checks = /^check(@|$)/;
    const isChecked = ({ dependencies, provider }: Registered): boolean =>
      [...dependencies.map(ofUrn), ...resources.filter(({ name, type }) => type === 'pulumi:providers:docker' && name === provider)].some((each) => checks.test(each.name) || isChecked(each));
    for (const each of [...onDocker(run()), ...resources.filter(({ name }) => name.startsWith('base-'))]) expect(isChecked(each), each.name).toBe(true);
  });
});

describe('a stack on two machines', () => {
  const on = (provider: string) => names(onDocker(two).filter((each) => each.provider === provider));

  it('has the front and its certificates on the proxy’s, and the rest on the app’s', () => {
    expect(on('docker@10.0.0.4')).toEqual(['acme', 'certificates', 'certificates', 'configuration', 'front', 'image-certificates', 'image-front', 'proxy']);
    expect(on('docker@10.0.0.5-2222')).toEqual(names(onDocker(one)).filter((name) => !['acme', 'certificates', 'configuration', 'front', 'image-certificates', 'image-front'].includes(name)));
  });

  it('listens on the app’s address for the proxy, with its metrics on loopback still', () => {
    expect(input(two, 'server', 'ports')).toEqual([{ internal: 8080, external: 18080, ip: '10.0.0.5' }, { internal: 8082, external: 18082, ip: '127.0.0.1' }]);
    expect(input(two, 'keycloak', 'ports')).toEqual([{ internal: 8080, external: 18081, ip: '10.0.0.5' }]);
  });

  it('has a front that asks there, and a Keycloak that believes what this front says about the caller', () => {
    const conf = input<string>(two, 'ingress-configuration', 'stdin', 'Command');
    expect(conf).toContain('server 10.0.0.5:18080 max_fails=0;');
    expect(conf).toContain('server 10.0.0.5:18081 max_fails=0;');
    expect(conf).not.toMatch(/server 127\.0\.0\.1/);
    expect(input<string[]>(two, 'keycloak', 'envs').find((each) => each.startsWith('KC_PROXY_TRUSTED_ADDRESSES='))).toMatch(/,10\.0\.0\.4$/);
  });
});
