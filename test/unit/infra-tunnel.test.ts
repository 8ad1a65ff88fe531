import { beforeAll, describe, expect, it } from 'vitest';
import { type ProgramRun, type Registered, runProgram, TUNNEL_TOKEN } from '../support/mocked-program.ts';

const accountId = '0123456789abcdef0123456789abcdef';
const token = 'planted-cloudflare-token';
const cloudflare = { accountId, zone: 'example.org', token: { secret: 'cloudflare' } };
const secrets = { cloudflare: token };
const onTunnel = { profile: 'production', tier: 'tunnel', host: 'mcp.example.org', cloudflare, secrets };
const onHost = { ...onTunnel, tier: 'host', publicAddresses: ['203.0.113.7', '2001:db8::7'] };

let tunnel: ProgramRun;
let host: ProgramRun;
beforeAll(async () => {
  tunnel = await runProgram('s', onTunnel);
  host = await runProgram('s', onHost);
});

const find = ({ resources }: ProgramRun, name: string, type = 'Command') => resources.find((each) => each.name === name && each.type.endsWith(`:${type}`))!;
const containers = ({ resources }: ProgramRun) => resources.filter(({ type }) => type.endsWith(':Container')) as (Registered & { inputs: { networkMode?: string; ports?: { ip: string }[] } })[];
const environment = (run: ProgramRun, name: string) => find(run, name).inputs.environment as Record<string, string>;
const wanted = (run: ProgramRun, name: string) => JSON.parse(environment(run, name).CLOUDFLARE_WANTED!) as Record<string, unknown>;

/** Names of all that has to be there before a resource is made, as `Type name`. */
function before(run: ProgramRun, resource: Registered): Set<string> {
  const found = new Set<string>();
  const visit = ({ dependencies }: Registered): void => {
    for (const urn of dependencies) {
      const [type, name] = [urn.split('::').at(-2)!.split(':').at(-1)!, urn.split('::').at(-1)!];
      if (found.has(`${type} ${name}`)) continue;
      found.add(`${type} ${name}`);
      const next = run.resources.find((each) => each.name === name && each.type.endsWith(`:${type}`));
      if (next) visit(next);
    }
  };
  visit(resource);
  return found;
}

describe('a stack behind a tunnel', () => {
  it('publishes nothing but on loopback, and has only what calls out or is called from there on the host’s network', () => {
    for (const { name, inputs } of containers(tunnel)) expect(inputs.ports?.map(({ ip }) => ip).filter((ip) => ip !== '127.0.0.1') ?? [], name).toEqual([]);
    expect(containers(tunnel).flatMap(({ name, inputs }) => (inputs.networkMode ? [[name, inputs.networkMode]] : []))).toEqual([['front', 'host'], ['connector-1', 'host'], ['connector-2', 'host']]);
  });

  it('consists of resources that are each registered once', () => {
    const urns = tunnel.resources.map(({ parent, type, name }) => `${parent}$${type}::${name}`);
    expect(urns.filter((urn, index) => urns.indexOf(urn) < index)).toEqual([]);
  });

  it('has a front that is not root, may nothing, and knows no certificate', () => {
    const { inputs } = find(tunnel, 'front', 'Container') as Registered & { inputs: Record<string, unknown> };
    expect(inputs).toMatchObject({ user: '101:101', capabilities: { drops: ['ALL'] }, readOnly: true, name: 'drawbridge-s-front-a', volumes: [{ volumeName: 'drawbridge-s-configuration', containerPath: '/configuration' }] });
    expect(inputs.capabilities).not.toHaveProperty('adds');
    expect(find(tunnel, 'ingress-configuration').inputs.stdin).toContain('listen 127.0.0.1:18086 default_server reuseport;');
    expect(find(tunnel, 'ingress-configuration').inputs.stdin).not.toMatch(/listen (\[::\]:)?(80|443)|ssl_certificate /);
  });

  it('has it keep its configuration beside that of a front of tier host, which may still serve', () => {
    expect(find(tunnel, 'front', 'Container').inputs.envs).toEqual(['CONFIGURATION=behind-tunnel']);
    expect(find(host, 'front', 'Container').inputs.envs ?? []).toEqual([]);
  });

  it('has connectors of their own image, confined, that take their token as a secret and say on loopback when they are ready', () => {
    for (const index of [1, 2]) {
      const { inputs, secretInputs } = find(tunnel, `connector-${index}`, 'Container');
      const metrics = `127.0.0.1:${18086 + index}`;
      expect(inputs).toMatchObject({
        name: `drawbridge-s-connector-${index}`,
        image: 'sha256:image-cloudflared',
        user: '65532:65532',
        readOnly: true,
        capabilities: { drops: ['ALL'] },
        securityOpts: ['no-new-privileges'],
        restart: 'unless-stopped',
        entrypoints: ['cloudflared', 'tunnel', '--no-autoupdate', '--metrics', metrics, '--grace-period', '30s', 'run'],
        envs: [`TUNNEL_TOKEN=${TUNNEL_TOKEN}`],
        wait: true,
        healthcheck: { tests: ['CMD', 'cloudflared', 'tunnel', '--metrics', metrics, 'ready'] },
      });
      expect(secretInputs).toEqual(['envs']);
      expect(inputs.destroyGraceSeconds).toBeGreaterThan(30);
    }
  });

  it('has as many of them as the config says', async () => {
    const names = async (connectors: number) => containers(await runProgram('s', { ...onTunnel, cloudflare: { ...cloudflare, connectors } })).filter(({ name }) => name.startsWith('connector')).map(({ name }) => name);
    expect([await names(1), await names(3)]).toEqual([['connector-1'], ['connector-1', 'connector-2', 'connector-3']]);
  });

  it('has neither certificates asked for nor a CA’s output, and says which tunnel it has', async () => {
    expect(containers(tunnel).map(({ name }) => name).sort()).toEqual(['backend-mcp', 'connector-1', 'connector-2', 'database', 'front', 'keycloak', 'server']);
    expect(tunnel.exports).not.toHaveProperty('caCertificate');
    expect(await (tunnel.exports.tunnel as { promise: () => Promise<unknown> }).promise()).toEqual({ id: 'ingress-tunnel-id', name: 'drawbridge-s' });
  });

  it('has routes of the tunnel that lead to the front and nowhere else', () => {
    const { config } = find(tunnel, 'ingress-routes', 'ZeroTrustTunnelCloudflaredConfig').inputs as { config: { ingresses: { service: string }[]; originRequest: object } };
    expect(new Set(config.ingresses.map(({ service }) => service))).toEqual(new Set(['http://127.0.0.1:18086', 'http_status:404']));
    expect(config.originRequest).toEqual({ keepAliveTimeout: 5 });
  });
});

describe('the order', () => {
  const all = (name: string, type?: string) => before(tunnel, find(tunnel, name, type));

  it('begins with asking whether the account is ready: nothing is made on a machine or in the account before', () => {
    const made = tunnel.resources.filter(({ type, name }) => /^(docker|cloudflare):|Command$/.test(type) && name !== 'cloudflare');
    for (const resource of made) {
      const provider = tunnel.resources.find(({ name, type }) => type === 'pulumi:providers:cloudflare' && name === resource.provider);
      expect([...before(tunnel, resource), ...(provider ? before(tunnel, provider) : [])], `${resource.type} ${resource.name}`).toContain('Command cloudflare');
    }
    expect(find(tunnel, 'cloudflare').inputs).toMatchObject({ create: 'node cloudflare/account.ts prepare', delete: 'node cloudflare/account.ts leave' });
  });

  it('has a connector start once the tunnel has its routes and the front its configuration, and one after the other', () => {
    expect([...all('connector-1', 'Container')]).toEqual(expect.arrayContaining(['ZeroTrustTunnelCloudflaredConfig ingress-routes', 'Command ingress-configuration']));
    expect([...all('connector-2', 'Container')]).toContain('Container connector-1');
    expect([...all('connector-1', 'Container')]).not.toContain('Container connector-2');
  });

  it('ends with DNS, which leads to a tunnel that works, and with a look at what the edge does to clients', () => {
    expect([...all('dns')]).toEqual(expect.arrayContaining(['Container connector-2', 'Command ingress-configuration', 'Command ingress-rules', 'ZeroTrustTunnelCloudflaredConfig ingress-routes', 'Container server']));
    for (const resource of tunnel.resources) if (!['dns', 'edge-seen'].includes(resource.name)) expect([...before(tunnel, resource)], resource.name).not.toContain('Command dns');
    expect([...all('edge-seen')]).toContain('Command dns');
  });

  it('has the tunnel go once no connector is left, and by a program that asks whether it is gone', () => {
    const { retainOnDelete, inputs } = find(tunnel, 'ingress-tunnel', 'ZeroTrustTunnelCloudflared');
    expect([retainOnDelete, inputs]).toEqual([true, { accountId, name: 'drawbridge-s', configSrc: 'cloudflare' }]);
    expect(find(tunnel, 'ingress-removed').inputs).toMatchObject({ delete: 'node cloudflare/tunnel.ts remove' });
    expect(find(tunnel, 'ingress-removed').inputs).not.toHaveProperty('create');
    expect([...all('connector-1', 'Container')]).toContain('Command ingress-removed');
  });

  it('has the rules at the edge before the first client, and bot settings only where they are to be managed', async () => {
    expect(find(tunnel, 'ingress-bots')).toBeUndefined();
    const managed = await runProgram('s', { ...onTunnel, cloudflare: { ...cloudflare, manageBotSettings: true } });
    // In the state before it is changed, and put back after.
    expect(find(managed, 'ingress-bots').inputs).toMatchObject({ create: 'node cloudflare/bots.ts remember', delete: 'node cloudflare/bots.ts restore' });
    expect(find(managed, 'ingress-bots-allowed').inputs).toMatchObject({ create: 'node cloudflare/bots.ts allow' });
    expect([...before(managed, find(managed, 'ingress-bots-allowed'))]).toContain('Command ingress-bots');
    expect([...before(managed, find(managed, 'dns'))]).toContain('Command ingress-bots-allowed');
  });
});

describe('what is said to Cloudflare', () => {
  it('is where the public names lead: the same resource in both tiers, by another record', () => {
    const name = 'mcp.example.org';
    expect(wanted(tunnel, 'dns')).toEqual({ stack: 's', zone: 'example.org', adoptDns: false, records: [{ type: 'CNAME', name, content: 'ingress-tunnel-id.cfargotunnel.com', proxied: true }] });
    expect(wanted(host, 'dns')).toEqual({
      stack: 's',
      zone: 'example.org',
      adoptDns: false,
      records: [{ type: 'A', name, content: '203.0.113.7', proxied: false }, { type: 'AAAA', name, content: '2001:db8::7', proxied: false }],
    });
    expect([tunnel, host].map((run) => [find(run, 'dns').parent, find(run, 'dns').inputs.create, find(run, 'dns').inputs.delete])).toEqual([1, 2].map(() => ['', 'node cloudflare/dns.ts apply', 'node cloudflare/dns.ts remove']));
  });

  it('is nothing at all for a stack on a host that has no zone, or gives no addresses for it', async () => {
    for (const config of [{ ...onHost, cloudflare: undefined }, { ...onHost, publicAddresses: [] }]) {
      const { resources } = await runProgram('s', JSON.parse(JSON.stringify(config)) as object as Record<string, unknown>);
      expect(resources.filter(({ name, type }) => ['dns', 'cloudflare'].includes(name) || type.includes('cloudflare'))).toEqual([]);
    }
  });

  it('is that no answer on the public names is ever kept', async () => {
    expect(wanted(tunnel, 'ingress-rules')).toEqual({ stack: 's', zone: 'example.org', bypassCache: [{ host: 'mcp.example.org', path: '/', match: 'prefix' }] });
    const subdomains = await runProgram('s', { ...onTunnel, host: 'example.org', layout: 'subdomains' });
    expect(wanted(subdomains, 'ingress-rules').bypassCache).toEqual(['mcp.example.org', 'auth.example.org'].map((host) => ({ host, path: '/', match: 'prefix' })));
  });

  it('is who may call, where the config limits that', async () => {
    const limited = await runProgram('s', { ...onTunnel, dataPlaneAllowlist: ['203.0.113.0/24'] });
    expect(wanted(limited, 'ingress-rules').callers).toEqual({ networks: ['203.0.113.0/24'], paths: [{ host: 'mcp.example.org', path: '/mcp' }, { host: 'mcp.example.org', path: '/mcp/' }] });
    expect(wanted(limited, 'cloudflare').rules).toBe(true);
    expect(wanted(tunnel, 'ingress-rules')).not.toHaveProperty('callers');
    expect(wanted(tunnel, 'cloudflare')).toMatchObject({ accountId, hosts: ['mcp.example.org'], tier: 'tunnel', rules: false });
  });

  it('is of a tunnel that was made and is in no state, so that its name is free again', async () => {
    expect(environment(tunnel, 'cloudflare').CLOUDFLARE_STRAY).toBe('');
    expect(environment(await runProgram('s', onTunnel, 'stray-id'), 'cloudflare').CLOUDFLARE_STRAY).toBe('stray-id');
    expect(environment(host, 'cloudflare').CLOUDFLARE_STRAY).toBe('');
  });

  it('goes with the token as a secret input, which is in no command and no output', () => {
    for (const run of [tunnel, host]) {
      const holders = run.resources.flatMap(({ name, type, inputs, secretInputs }) => Object.keys(inputs).filter((key) => JSON.stringify(inputs[key]).includes(token)).map((key) => `${type.split(':').at(-1)} ${name}.${key}${secretInputs.includes(key) ? '' : ' in plain text'}`));
      const commands = ['Command cloudflare.environment', 'Command dns.environment'];
      expect(holders.sort()).toEqual(run === tunnel ? [...commands, 'Command edge-seen.environment', 'Command ingress-name.environment', 'Command ingress-removed.environment', 'Command ingress-rules.environment', 'cloudflare cloudflare.apiToken'].sort() : [...commands, 'Container certificates.envs'].sort());
    }
  });
});

describe('on a host of a zone at Cloudflare', () => {
  it('certificates come by DNS-01, since names lead here last of all; a narrower token may be named for it', async () => {
    expect(find(host, 'certificates', 'Container').inputs.envs).toContain(`CLOUDFLARE_TOKEN=${token}`);
    const narrow = await runProgram('s', { ...onHost, acme: { dns01: { cloudflareToken: { secret: 'narrow' } } }, secrets: { ...secrets, narrow: 'planted-narrow-token' } });
    expect(find(narrow, 'certificates', 'Container').inputs.envs).toContain('CLOUDFLARE_TOKEN=planted-narrow-token');
  });

  it('nobody checks beforehand whether names lead there', () => {
    expect(JSON.parse((find(host, 'check').inputs.environment as Record<string, string>).HOST_WANTED!)).toMatchObject({ front: { names: [], http01: false } });
    expect(JSON.parse((find(tunnel, 'check').inputs.environment as Record<string, string>).HOST_WANTED!)).not.toHaveProperty('front');
  });
});

describe('a change of tiers', () => {
  /** Both have it, with the same inputs. */
  const kept = () => {
    const urn = ({ parent, type, name }: Registered) => `${parent}$${type}::${name}`;
    const inHost = new Map(host.resources.map((resource) => [urn(resource), JSON.stringify(resource.inputs)]));
    const both = tunnel.resources.filter((resource) => inHost.has(urn(resource)));
    return { same: both.filter((resource) => inHost.get(urn(resource)) === JSON.stringify(resource.inputs)).map(({ name }) => name), changed: both.filter((resource) => inHost.get(urn(resource)) !== JSON.stringify(resource.inputs)).map(({ name }) => name) };
  };

  it('changes no container, volume, network, image or secret that it does not make or remove', () => {
    expect(kept().changed.sort()).toEqual(['check', 'cloudflare', 'dns', 'firewall']);
    expect(kept().same).toEqual(expect.arrayContaining(['keycloak', 'keycloak-realm', 'database', 'database-data', 'server', 'server-place', 'backend-mcp', 'acme', 'certificates', 'configuration', 'image-front']));
  });

  it('has another front of each tier, so that one is there before the other goes', () => {
    expect(find(tunnel, 'front', 'Container').parent).not.toBe(find(host, 'front', 'Container').parent);
  });

  it('changes no public URL', () => {
    for (const name of ['issuer', 'jwksUrl', 'resources']) expect(tunnel.exports[name], name).toEqual(host.exports[name]);
  });
});
