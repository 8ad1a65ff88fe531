import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { TestHost } from './host.ts';
import { Lab } from './lab.ts';
import { leaks, scanFromNeighbour } from './scan.ts';
import { firewall, imprint, onOneHost, publishByMistake, standUp, standUpFront } from './stack-on-host.ts';

/** sshd is the user's own, and the tests' way in. */
const reachable = [22, 80, 443];
const both = (ports: number[]) => ({ v4: ports, v6: ports });
/** What listens somewhere, in a container or for one. */
const likely = [...reachable, 5432, 6432, 7432, 8080, 8082, 9999, 18080, 18081, 18082];

interface Case {
  host: string;
  name: string;
  /** What a user did before, with rules of their own. */
  setUp: string;
  says: RegExp;
  /** What the user's rules still have to be afterwards. */
  theirs: [command: string, shows: RegExp][];
  /** Something that was set for the time being, and is in no file. */
  forNow?: string;
}

const cases: Case[] = [
  { host: 'open', name: 'no firewall', setUp: 'true', says: /no firewall/, theirs: [] },
  {
    host: 'ufw',
    name: 'ufw',
    setUp: 'ufw allow 22/tcp && ufw deny from 198.18.0.99 && ufw --force enable',
    says: /: ufw;/,
    theirs: [['ufw status', /Anywhere +DENY +198\.18\.0\.99/]],
  },
  {
    host: 'firewalld',
    name: 'firewalld, while systemd calls ufw active although it is off',
    setUp: 'systemctl is-active ufw && systemctl enable --now firewalld && firewall-cmd --permanent --add-rich-rule=\'rule family="ipv4" source address="198.18.0.99" drop\'',
    says: /: firewalld;/,
    forNow: 'firewall-cmd --add-port=9999/tcp',
    theirs: [['firewall-cmd --list-ports', /9999\/tcp/], ['firewall-cmd --permanent --list-rich-rules', /198\.18\.0\.99/]],
  },
  {
    host: 'nftables',
    name: 'plain nftables',
    setUp: `printf '%s\\n' 'flush ruleset' 'table inet filter {' ' chain input {' '  type filter hook input priority 0; policy drop;' '  ct state established,related accept' '  iifname lo accept' '  meta l4proto { icmp, ipv6-icmp } accept' '  ip saddr 198.18.0.99 drop' '  tcp dport 22 accept' '  counter reject' ' }' '}' > /etc/nftables.conf && systemctl enable --now nftables && systemctl restart docker`,
    says: /nft inet filter input/,
    theirs: [['nft list chain inet filter input', /198\.18\.0\.99 drop/]],
  },
  {
    host: 'iptables',
    name: 'plain iptables',
    // As a script of the user's does it at each start.
    setUp: `printf '[Unit]\\nBefore=docker.service\\n[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sh /etc/rules.sh\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/iptables.service
      printf 'for t in iptables ip6tables; do $t -P INPUT DROP; $t -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; $t -A INPUT -i lo -j ACCEPT; $t -A INPUT -p ipv6-icmp -j ACCEPT; $t -A INPUT -p tcp --dport 22 -j ACCEPT; $t -A INPUT -j REJECT; done' > /etc/rules.sh
      systemctl enable --now iptables`,
    says: /iptables ip filter INPUT, ip6tables ip6 filter INPUT/,
    theirs: [['iptables -S INPUT', /--dport 22 -j ACCEPT/]],
  },
];

let lab: Lab;
const hosts = new Map<string, TestHost>();
const before = new Map<string, string[]>();
const wantedOn = (host: string) => ({ ...onOneHost, target: `ssh://deploy@${host}` });
/** On all machines at the same time: most of it is waiting. */
const everywhere = (work: (host: TestHost, its: Case) => Promise<unknown>) => Promise.all(cases.map((its) => work(hosts.get(its.host)!, its)));
const allContainers = (host: TestHost, count: number) => host.run(`timeout 60 bash -c 'until [ "$(docker ps -q | wc -l)" = ${count} ]; do sleep 0.1; done'`);

beforeAll(async () => {
  lab = await Lab.create(console.error);
  for (const host of await lab.addHosts(cases.map(({ host }) => host))) hosts.set(host.name, host);
  await everywhere(async (host, { setUp, forNow }) => {
    await host.run(setUp);
    await standUp(host);
    await standUpFront(host);
    await host.reboot();
    await allContainers(host, 4);
    before.set(host.name, await imprint(host));
    if (forNow) await host.run(forNow);
  });
});
afterAll(() => lab?.close());

it('a host with no firewall would let a neighbour in without a table of our own', async () => {
  const host = hosts.get('open')!;
  const server = (await host.run(`docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' server`)).trim();
  expect(await scanFromNeighbour(lab, host, { to: [server, '127.0.0.1'], ports: [8080, 18080, 18081] })).toEqual([[8080], [18080, 18081]]);
});

describe.each(cases)('a host with $name', ({ host: name, says, theirs }) => {
  let host: TestHost;
  beforeAll(() => void (host = hosts.get(name)!));

  it('finds what really enforces, and opens 80 and 443 there and nothing else, on both families', async () => {
    expect(firewall(lab, 'apply', wantedOn(name))).toMatch(says);
    expect(await leaks(lab, host, both(reachable), likely)).toEqual([]);
  });

  it('keeps the rules of its user', async () => {
    for (const [command, shows] of theirs) expect(await host.run(command)).toMatch(shows);
  });

  it('reaches its own containers', async () => {
    expect(await host.run('for port in 18080 18081 18082; do curl -s -o /dev/null -w "%{http_code} " http://127.0.0.1:$port/; done')).toBe('404 404 404 ');
  });

  it('changes nothing when it is applied again', async () => {
    const once = await imprint(host);
    firewall(lab, 'apply', wantedOn(name));
    expect(await imprint(host)).toEqual(once);
  });
});

it('containers reach the internet, and not what hands out the credentials of a machine in a cloud', async () => {
  const [host, metadata] = [hosts.get('ufw')!, '169.254.169.254'];
  await lab.run('segment', 'ip', ['address', 'add', `${metadata}/32`, 'dev', 'lan']);
  const program = "require('node:http').createServer((req, res) => res.end('credentials')).listen(80, () => console.log('listens'))";
  const service = spawn('nsenter', lab.inside('segment', process.execPath, ['-e', program]));
  onTestFinished(() => void service.kill());
  await once(service.stdout, 'data');
  const asked = (address: string) => host.run(`docker run --rm --network edge small /bin/busybox wget -q -T 2 -O - http://${address}/ 2>&1 || :`);
  expect(await asked(Lab.router.v4)).toBe('credentials');
  expect(await asked(metadata)).toContain('timed out');
}, 20_000);

describe('ports that are published by mistake', () => {
  // Where nothing guards the host itself, Docker's userland proxy takes a connection by IPv6, and gets none to the container: see below.
  const right = (host: string) => ({ v4: reachable, v6: host === 'open' ? [...reachable, 7432] : reachable });

  describe('after Docker was restarted', () => {
    beforeAll(() =>
      everywhere(async (host) => {
        await publishByMistake(host);
        await host.run('systemctl restart docker');
        await allContainers(host, 7);
      }),
    );

    it.each(cases)('show nobody anything behind them: $name', async ({ host: name }) => {
      const host = hosts.get(name)!;
      expect(await leaks(lab, host, right(name), likely)).toEqual([]);
      await expect(lab.run('outside', 'curl', ['--silent', '--max-time', '2', `http://[${host.addresses.v6}]:7432/`])).rejects.toThrow(/exit code (7|28)/);
    });
  });

  describe('after a reboot', () => {
    beforeAll(() =>
      everywhere(async (host) => {
        await host.reboot();
        await allContainers(host, 7);
      }),
    );

    it.each(cases)('leave all other ports closed, on both families: $name', async ({ host: name }) => {
      expect(await leaks(lab, hosts.get(name)!, right(name))).toEqual([]);
    });
  });
});

describe('a host whose stack is gone', () => {
  beforeAll(() => everywhere((host) => host.run('docker rm -f mistake0 mistake1 mistake2')));

  it('keeps what came back to it by another user, when that of the former one is removed', async () => {
    const rules = await imprint(hosts.get('ufw')!);
    expect(firewall(lab, 'remove', { ...wantedOn('ufw'), target: 'ssh://root@ufw' }).trim()).toBe('');
    expect(await imprint(hosts.get('ufw')!)).toEqual(rules);
  });

  it.each(cases)('has none of its rules and files: $name', async ({ host: name }) => {
    firewall(lab, 'remove', wantedOn(name));
    expect(await hosts.get(name)!.run('nft list tables | grep drawbridge || true; ls -d /etc/drawbridge 2>/dev/null || true; ls /etc/systemd/system | grep drawbridge || true')).toBe('');
    expect(firewall(lab, 'remove', wantedOn(name)).trim()).toBe('');
  });

  describe('and that was rebooted', () => {
    beforeAll(() =>
      everywhere(async (host) => {
        await host.reboot();
        await allContainers(host, 4);
      }),
    );

    it.each(cases)('is as it was found: $name', async ({ host: name }) => {
      expect(await imprint(hosts.get(name)!)).toEqual(before.get(name));
    });
  });
});
