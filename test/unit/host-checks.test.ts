import { describe, expect, it } from 'vitest';
import { judge, type Wanted } from '../../host/checks.ts';
import { parseFacts } from '../../host/facts.ts';

const now = 1_795_000_000;
/** What a machine that lacks nothing answers. */
const ready = {
  time: String(now),
  os: 'debian ',
  system: 'Debian GNU/Linux 13 (trixie)',
  user: 'root',
  root: 'yes',
  systemd: 'yes',
  daemon: 'yes',
  nft: 'yes',
  client: 'yes',
  engine: '28.2.2',
  synchronized: 'yes',
  listener: ['LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=99,fd=6))'],
  address: ['127.0.0.1/8', '::1/128', '203.0.113.5/24', '2001:db8::5/64', 'fe80::1/64'],
  name: ['mcp.example.org 203.0.113.5', 'mcp.example.org 2001:db8::5'],
  free: '50000000',
  denied: '',
  acme: '0 ',
  endpoint: 'unix:///var/run/docker.sock',
  container: '',
};
const factsOf = (changed: Partial<Record<keyof typeof ready, string | string[]>>) =>
  parseFacts(Object.entries({ ...ready, ...changed }).flatMap(([word, values]) => [values].flat().filter(Boolean).map((value) => `${word}\t${value}`)).join('\n'), now);

const front = { names: ['mcp.example.org'], publicAddresses: [], acmeDirectory: 'https://ca.example/dir', http01: true, behindProxies: false };
const wanted: Wanted = { stack: 's', firewall: true, front, app: { address: '127.0.0.1', ports: [18080, 18081] } };
const problems = (changed: Parameters<typeof factsOf>[0], want: Wanted = wanted) => judge(factsOf(changed), want).problems;
const warnings = (changed: Parameters<typeof factsOf>[0], want: Wanted = wanted) => judge(factsOf(changed), want).warnings;

describe('a machine', () => {
  it('that lacks nothing has no problem', () => {
    expect(judge(factsOf({}), wanted)).toEqual({ problems: [], warnings: [] });
  });

  it.each(['tcp://10.0.0.9:2375', 'ssh://root@other'])('whose docker leads to %s gets no containers: they would stand there, and the firewall here', (endpoint) => {
    expect(problems({ endpoint })).toEqual([expect.stringContaining(`leads to ${endpoint}`) as string]);
    expect(problems({ endpoint }, { ...wanted, firewall: false })).toEqual([]);
    expect(problems({ endpoint: '' })).toEqual([]);
  });

  it('with many problems has all of them reported at once', () => {
    expect(problems({ engine: '', time: String(now - 512), name: [], free: '1000', acme: '28 Connection timed out', root: '' })).toHaveLength(6);
  });

  it.each([
    [{ engine: '', daemon: '', client: '' }, /there is no Docker engine \(Debian.*prepare --stack s` installs one/],
    [{ engine: '' }, /does not run: .*prepare --stack s` starts it/],
    [{ engine: '', denied: 'yes', user: 'deploy', root: 'sudo' }, /deploy may not use it: .*group docker/],
    [{ client: '' }, /docker command is missing/],
  ])('without a Docker engine that this user may use is told what prepare will do: %o', (changed, message) => {
    expect(problems(changed)).toEqual([expect.stringMatching(message)]);
  });

  it('whose user can never be root is refused for the firewall’s rules, and only for those', () => {
    expect(problems({ root: '', user: 'deploy' })).toEqual([expect.stringMatching(/deploy is not root and may not use sudo.*NOPASSWD.*drawbridge:firewall to none/)]);
    expect(problems({ root: '' }, { ...wanted, firewall: false })).toEqual([]);
  });

  it('without nft is refused for the firewall’s rules, and only for those', () => {
    expect(problems({ nft: '' })).toEqual([expect.stringMatching(/no nft.*install the package nftables/)]);
    expect(problems({ nft: '' }, { ...wanted, firewall: false })).toEqual([]);
  });

  it('whose clock is wrong is refused; one that nobody sets is warned about', () => {
    expect(problems({ time: String(now - 512) })).toEqual([expect.stringMatching(/512 seconds behind/)]);
    expect(problems({ time: String(now + 31) })).toEqual([expect.stringMatching(/31 seconds ahead of/)]);
    expect(warnings({ time: String(now + 29), synchronized: 'no' })).toEqual([expect.stringMatching(/timedatectl set-ntp true/)]);
  });
});

describe('ports 80 and 443', () => {
  const held = (name: string, port: number, address = '0.0.0.0') => `LISTEN 0 511 ${address}:${port} 0.0.0.0:* users:(("${name}",pid=7,fd=5),("${name}",pid=8,fd=5))`;

  it.each([
    ['nginx', '[::]', /port 443 is held by nginx \(process 7\).*systemctl disable --now nginx.*another machine/],
    ['caddy', '*', /port 443 is held by caddy \(process 7\).*systemctl disable --now caddy/],
    ['docker-proxy', '0.0.0.0', /stop the container that publishes it/],
    ['mystery', '203.0.113.5', /port 443 is held by mystery \(process 7\).*stop it/],
  ])('held by %s are a problem that names it and says what to do', (name, address, message) => {
    expect(problems({ listener: [held(name, 443, address)] })).toEqual([expect.stringMatching(message)]);
  });

  it('held by someone whose name only root may know are a problem all the same', () => {
    expect(problems({ listener: ['LISTEN 0 511 0.0.0.0:80 0.0.0.0:*'] })).toEqual([expect.stringMatching(/^port 80 is held by another program/)]);
  });

  it.each([
    [['front-b'], 0],
    [[], 2],
    // That front listens on loopback alone.
    [['front-b', 'connector-1'], 2],
    // An earlier run ended on the way from a tunnel to a host.
    [['front-a', 'front-b', 'connector-1'], 0],
  ])('held while the stack has %j are %i problems', (roles, count) => {
    const listener = [held('nginx', 80), held('nginx', 443)];
    expect(problems({ listener, container: roles.map((role) => `drawbridge-s-${role}`) })).toHaveLength(count);
  });

  it('are nobody’s matter where the front is elsewhere; the app’s ports are', () => {
    const { front: _, ...app } = wanted;
    expect(problems({ listener: [held('nginx', 80)] }, app)).toEqual([]);
    expect(problems({ listener: [held('java', 18080)] }, app)).toEqual([expect.stringMatching(/port 18080 is held by java/)]);
    expect(problems({}, { ...app, app: { address: '10.9.9.9', ports: [18080] } })).toEqual([expect.stringMatching(/appAddress is 10\.9\.9\.9, which is no address of this machine: it has 203\.0\.113\.5/)]);
  });
});

describe('the DNS records of a public name', () => {
  const v4 = 'mcp.example.org 203.0.113.5';

  it('have to be there', () => {
    expect(problems({ name: [] })).toEqual([expect.stringMatching(/mcp\.example\.org has no DNS record: it needs A 203\.0\.113\.5, AAAA 2001:db8::5/)]);
  });

  it.each([
    [['203.0.113.5/24', '10.0.0.5/24', 'fd00::5/64'], 'A 203.0.113.5'],
    [['192.168.1.5/24', '100.64.0.5/10', 'fd00::5/64'], 'the machine’s public address, which drawbridge:publicAddresses names'],
    // A network of tests has DNS of its own.
    [['198.18.0.10/24', 'fd00:18::10/64'], 'A 198.18.0.10, AAAA fd00:18::10'],
  ])('are never to be private addresses: of %j they have to be %s', (address, expected) => {
    expect(problems({ address, name: [] })).toEqual([`mcp.example.org has no DNS record: it needs ${expected}`]);
  });

  it.each(['mcp.example.org 198.51.100.1', 'mcp.example.org 2001:db8::bad'])('have to lead to this machine, in both families: %s does not', (other) => {
    expect(problems({ name: [v4, other] })).toEqual([expect.stringMatching(/leads to (198\.51\.100\.1|2001:db8::bad), which is not this machine/)]);
  });

  it('count as the config’s public addresses say, where the machine does not know its own', () => {
    const publicAddresses = ['198.51.100.1', '2001:0db8:0::0bad'];
    expect(problems({ name: ['mcp.example.org 198.51.100.1', 'mcp.example.org 2001:db8::bad'] }, { ...wanted, front: { ...front, publicAddresses } })).toEqual([]);
    expect(problems({}, { ...wanted, front: { ...front, publicAddresses } })).toEqual([expect.stringMatching(/drawbridge:publicAddresses/)]);
  });

  it('that lead to the router of a machine with private addresses are a warning', () => {
    const behindNat = { address: ['10.0.0.5/24'], name: [v4] };
    expect(judge(factsOf(behindNat), wanted)).toEqual({ problems: [], warnings: [expect.stringMatching(/if a router passes ports 80 and 443 on/)] });
  });

  it('have to be moved before the proxy is, from the machine on which the app stays', () => {
    const moved = { address: ['10.0.0.6/24'], name: ['mcp.example.org 10.0.0.5'] };
    expect(problems(moved, { ...wanted, front: { ...front, appAddress: '10.0.0.5' } })).toEqual([expect.stringMatching(/leads to 10\.0\.0\.5, the app’s machine: have it lead to this one, A 10\.0\.0\.6, and then run `up`/)]);
  });

  it('may lead elsewhere behind another proxy, and may come later with DNS-01', () => {
    const elsewhere = { name: ['mcp.example.org 198.51.100.1'] };
    expect(problems(elsewhere, { ...wanted, front: { ...front, behindProxies: true } })).toEqual([]);
    expect(judge(factsOf({ name: [] }), { ...wanted, front: { ...front, http01: false } })).toEqual({ problems: [], warnings: [expect.stringMatching(/no DNS record/)] });
  });

  it('that /etc/hosts makes of a machine’s own name do not count', () => {
    expect(problems({ name: ['mcp.example.org 127.0.1.1'] })).toEqual([expect.stringMatching(/no DNS record/)]);
  });
});

it('the ACME CA has to be within reach; whether its certificate is trusted is the ACME client’s matter', () => {
  expect(problems({ acme: '28 curl: (28) Connection timed out' })).toEqual([expect.stringMatching(/does not reach the ACME CA at https:\/\/ca\.example\/dir \(curl: \(28\)/)]);
  expect(problems({ acme: '60 unknown issuer' })).toEqual([]);
  expect(warnings({ acme: '' })).toEqual([expect.stringMatching(/there is no curl/)]);
});
