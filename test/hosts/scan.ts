import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from './host.ts';
import { ip } from './namespace.ts';
import { Lab } from './lab.ts';

const program = readFileSync(join(import.meta.dirname, 'inside/scan.py'), 'utf8');

export interface Probe {
  /** Any addresses at all, whoever they belong to. Packets for them are handed to the host. */
  readonly to: readonly string[];
  /** Default: all. */
  readonly ports?: readonly number[];
}

/** Which TCP ports answer somebody on the segment who hands frames to a host, whatever these say: a list for each address. */
export function scanFromNeighbour(lab: Lab, through: { mac: string }, probe: Probe): Promise<number[][]> {
  return scan(lab, 'neighbour', through.mac, Lab.neighbour, probe);
}

/** Which TCP ports answer the internet. */
async function scanFromOutside(lab: Lab, probe: Probe): Promise<number[][]> {
  const [{ address }] = JSON.parse(await ip(lab.namespace('segment'), '-json', 'link', 'show', 'wan')) as [{ address: string }];
  return scan(lab, 'outside', address, Lab.outside, probe);
}

/**
 * Where a host answers otherwise than it should: to the internet and to a neighbour at its own addresses, and to that neighbour at 127.0.0.1, at ::1
 * and at the addresses of its containers, where nothing should.
 * @param right the ports that should, by family
 * @param ports which to try; all, if none are named
 */
export async function leaks(lab: Lab, host: TestHost, right: Record<'v4' | 'v6', readonly number[]>, ports?: readonly number[]): Promise<string[]> {
  const own = [host.addresses.v4, host.addresses.v6];
  const hidden = ['127.0.0.1', '::1', ...(await containerAddresses(host))];
  const [outside, neighbour] = await Promise.all([scanFromOutside(lab, { to: own, ports }), scanFromNeighbour(lab, host, { to: [...own, ...hidden], ports })]);
  const compare = (from: string, to: string, open: readonly number[], right: readonly number[]): string[] => [
    ...open.filter((port) => !right.includes(port)).map((port) => `${from} → ${to} of ${host.name}, port ${port}: answers`),
    ...right.filter((port) => !open.includes(port)).map((port) => `${from} → ${to} of ${host.name}, port ${port}: closed`),
  ];
  const wanted = [right.v4, right.v6];
  return [...own.flatMap((to, index) => compare('outside', to, outside[index]!, wanted[index]!)), ...[...own, ...hidden].flatMap((to, index) => compare('neighbour', to, neighbour[index]!, wanted[index] ?? []))];
}

async function containerAddresses(host: TestHost): Promise<string[]> {
  const printed = await host.run(`docker ps -q | xargs -r docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{end}}'`);
  return printed.split(/\s+/).filter((word) => /[.:]/.test(word));
}

async function scan(lab: Lab, from: string, mac: string, own: { v4: string; v6: string }, { to, ports }: Probe): Promise<number[][]> {
  const args = ['python3', '-B', '-c', program, 'eth0', mac, own.v4, own.v6, ports?.join(',') ?? '1-65535', ...to];
  const found = to.map(() => new Set<number>());
  // A kernel that cannot follow drops frames, and a port that was not asked is not closed.
  for (let round = 0; round < 5; round += 1) {
    const dropped = droppedFrames();
    const answers = JSON.parse(await lab.run(from, 'chroot', [lab.rootfs, ...args])) as number[][];
    answers.forEach((open, index) => open.forEach((port) => found[index]!.add(port)));
    if (droppedFrames() === dropped) return found.map((open) => [...open].sort((a, b) => a - b));
  }
  throw new Error('This machine is too busy to scan ports: it drops frames each time');
}

/** By all CPUs of this machine together, of full queues: the second column. */
function droppedFrames(): number {
  const lines = readFileSync('/proc/net/softnet_stat', 'utf8').trim().split('\n');
  return lines.reduce((sum, line) => sum + parseInt(line.split(/\s+/)[1]!, 16), 0);
}
