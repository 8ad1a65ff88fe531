import { networkInterfaces } from 'node:os';
import { BlockList, connect, isIP } from 'node:net';
import { isLoopback, isPrivate } from '../../host/where.ts';

/** From where a stack is looked at. */
export interface Vantage {
  readonly host: string;
  /** Both ends of a connection to it; none where it could not be reached. */
  readonly from?: string;
  readonly to?: string;
  readonly where: 'same machine' | 'same network' | 'outside' | 'unknown';
}

const proves: Readonly<Record<Vantage['where'], string>> = {
  'same machine': 'the machine that serves it. That proves nothing about DNS, routers and firewalls on the way of others, nor about what is closed to them',
  'same network': 'the network that it is on. That proves little about DNS, routers and firewalls on the way of others, nor about what is closed to them',
  'outside': 'another network, as clients do',
  'unknown': 'a place from which it cannot be reached',
};

/** In words, for the report. */
export const vantageText = ({ host, from, to, where }: Vantage): string => `Looked at ${host} from ${proves[where]}${from ? ` (${from} → ${to})` : ''}.`;

/** Connects to a public name, and tells by the addresses how near it is. */
export function vantageOf(host: string, port: number): Promise<Vantage> {
  const { promise, resolve } = Promise.withResolvers<Vantage>();
  const nowhere = () => (socket.destroy(), resolve({ host, where: 'unknown' }));
  const socket = connect({ host, port, timeout: 10_000 }, () => {
    const [from, to] = [socket.localAddress!, socket.remoteAddress!];
    socket.destroy();
    resolve({ host, from, to, where: distance(from, to) });
  });
  socket.on('error', nowhere).on('timeout', nowhere);
  return promise;
}

/** @param own addresses of this machine, with their networks: `192.0.2.7/24` */
export function distance(from: string, to: string, own: readonly string[] = ownNetworks()): Vantage['where'] {
  const addresses = own.map((network) => network.split('/')[0]!);
  if (isLoopback(to) || from === to || addresses.includes(to)) return 'same machine';
  const near = new BlockList();
  for (const network of own) {
    const [address, prefix] = network.split('/') as [string, string];
    near.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return near.check(to, isIP(to) === 6 ? 'ipv6' : 'ipv4') || isPrivate(to) ? 'same network' : 'outside';
}

const ownNetworks = (): string[] => Object.values(networkInterfaces()).flatMap((all) => (all ?? []).flatMap(({ cidr }) => cidr ?? []));
