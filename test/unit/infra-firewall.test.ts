import { describe, expect, it } from 'vitest';
import { renderTable } from '../../host/firewall/table.ts';
import type { Wanted } from '../../host/firewall/wanted.ts';
import { runProgram } from '../support/mocked-program.ts';

const app = 'ssh://deploy@10.0.0.5';
const proxy = 'ssh://root@10.0.0.4';
const preview = { profile: 'preview', host: 'try.example.org' };
const wanted = ({ resources }: Awaited<ReturnType<typeof runProgram>>, name: string) => JSON.parse(resources.find((each) => each.name === name)!.inputs.stdin as string) as Wanted;

it('on one machine 80 and 443 are open, and the ports of the app to nobody', async () => {
  const run = await runProgram('s', { ...preview, deploy: { app, proxy: app } });
  const { privatePorts, proxy: from } = wanted(run, 'firewall@10.0.0.5');
  expect([wanted(run, 'firewall-ports@10.0.0.5').publicPorts, privatePorts, from]).toEqual([[80, 443], [18080, 18084, 18081, 18082, 18085, 18083], undefined]);
});

it('on two machines the app lets its proxy in and nobody else, and the proxy is open on 80 and 443', async () => {
  const run = await runProgram('s', { ...preview, deploy: { app, proxy, appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' } });
  expect(wanted(run, 'firewall@10.0.0.5')).toMatchObject({ publicPorts: [], proxy: { address: '10.0.0.4', ports: [18080, 18084, 18081] } });
  expect(wanted(run, 'firewall-ports@10.0.0.4').publicPorts).toEqual([80, 443]);
  expect(run.resources.filter(({ name }) => name.startsWith('firewall-ports')).map(({ name }) => name)).toEqual(['firewall-ports@10.0.0.4']);
  expect(wanted(run, 'firewall@10.0.0.4').proxy).toBeUndefined();
  expect(renderTable(wanted(run, 'firewall@10.0.0.5'))).toContain('ip saddr 10.0.0.4 ct status dnat meta l4proto tcp ct original proto-dst { 18080, 18084, 18081 } accept');
});

it('where the app is, only root answers on its ports: nobody else of the machine takes the gateway’s place while it is away', async () => {
  const run = await runProgram('s', { ...preview, deploy: { app, proxy, appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' } });
  const rule = 'tcp sport { 18080, 18084, 18081, 18082, 18085, 18083 } tcp flags & (syn | ack) == syn | ack meta skuid != 0 drop';
  expect(renderTable(wanted(run, 'firewall@10.0.0.5'))).toContain(rule);
  expect(renderTable(wanted(run, 'firewall@10.0.0.4'))).not.toContain('skuid');
});

it('its guard knows nothing of the front’s ports: they are opened before the front is there, and closed once it has gone', async () => {
  const run = await runProgram('s', preview);
  const find = (name: string, type = 'Command') => run.resources.find((each) => each.name === name && each.type.endsWith(`:${type}`))!;
  const urns = (name: string, type?: string) => find(name, type).dependencies.map((urn) => urn.split('::').at(-1));
  expect(wanted(run, 'firewall').publicPorts).toEqual([]);
  expect([find('firewall').inputs, find('firewall-ports').inputs]).toMatchObject([
    { create: 'node host/firewall.ts apply', delete: 'node host/firewall.ts remove' },
    { create: 'node host/firewall.ts open', delete: 'node host/firewall.ts close' },
  ]);
  expect(urns('firewall-ports')).toContain('firewall');
  expect(urns('front', 'Container')).toContain('firewall-ports');
});

describe('behind a tunnel', () => {
  const accountId = '0123456789abcdef0123456789abcdef';
  const tunnel = { ...preview, tier: 'tunnel', cloudflare: { accountId, zone: 'example.org', token: { secret: 'cloudflare' } }, secrets: { cloudflare: 'planted-token' } };

  it('no port is opened', async () => {
    const run = await runProgram('s', tunnel);
    expect(run.resources.filter(({ name }) => name.startsWith('firewall')).map(({ name, inputs }) => [name, inputs.create])).toEqual([['firewall', 'node host/firewall.ts apply']]);
    expect(wanted(run, 'firewall').publicPorts).toEqual([]);
  });

  it('only nginx’s user answers where connectors find the front, and nobody outside is let near it or their metrics', async () => {
    const table = renderTable(wanted(await runProgram('s', tunnel), 'firewall'));
    expect(table).toContain('tcp sport 18086 tcp flags & (syn | ack) == syn | ack meta skuid != 101 drop');
    expect(table).toContain('fib daddr type local tcp dport { 18080, 18084, 18081, 18082, 18085, 18083, 18086, 18087, 18088 } drop');
    expect(table).toContain('tcp sport { 18080, 18084, 18081, 18082, 18085, 18083 } tcp flags & (syn | ack) == syn | ack meta skuid != 0 drop');
    expect(renderTable(wanted(await runProgram('s', preview), 'firewall'))).not.toContain('18086');
  });
});

it('is the same resource where proxy and app part: one of another name would be made, and then the former removed, with what was made', async () => {
  const firewalls = async (deploy: object) => (await runProgram('s', { ...preview, deploy })).resources.flatMap(({ name }) => (name.startsWith('firewall@') ? [name] : []));
  const [before] = await firewalls({ app, proxy: app });
  expect(await firewalls({ app, proxy, appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' })).toContain(before);
});

it('the bridges of a stack carry its mark, which the kernel has room for, and publish on loopback', async () => {
  const run = await runProgram('s', preview);
  const networks = run.resources.filter(({ type }) => type.endsWith(':Network')).map(({ inputs }) => inputs.options as Record<string, string>);
  expect(networks.length).toBeGreaterThan(2);
  for (const options of networks) {
    expect(options['com.docker.network.bridge.name']).toMatch(/^.{1,15}$/);
    expect(options['com.docker.network.bridge.name']!.startsWith(wanted(run, 'firewall').bridges)).toBe(true);
    expect(options['com.docker.network.bridge.host_binding_ipv4']).toBe('127.0.0.1');
  }
});

it('firewall none leaves every firewall alone', async () => {
  expect((await runProgram('s', { ...preview, firewall: 'none' })).resources.filter(({ name }) => name.startsWith('firewall'))).toEqual([]);
});
