import { networkInterfaces } from 'node:os';

/**
 * Where networks are made: Docker itself gives each one of 31 large pools, and has none left after 31 networks. Each of these is one
 * such pool, the last ones that Docker comes to, and has room for 256.
 */
const POOLS = ['172.30', '172.29', '172.28'];

/**
 * Subnets for a network, the next one to try first: runs that look at the same time begin at different places.
 * @param name of the network
 * @param taken subnets that there are, as CIDR
 */
export function* freeSubnets(name: string, taken: readonly string[]): Generator<string> {
  const begin = [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 256, 7);
  for (const pool of POOLS)
    for (let index = 0; index < 256; index++) {
      const subnet = `${pool}.${(begin + index) % 256}.0/24`;
      if (!taken.some((other) => overlaps(subnet, other))) yield subnet;
    }
}

/** Subnets that this machine itself is in, as CIDR. */
export const ownSubnets = (): string[] => Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).flatMap(({ family, cidr }) => (family === 'IPv4' && cidr ? [cidr] : [])));

function overlaps(one: string, other: string): boolean {
  const [a, b] = [one, other].map((cidr) => cidr.split('/')) as [[string, string], [string, string]];
  const bits = Math.min(Number(a[1]), Number(b[1]));
  const network = (address: string) => Math.floor(address.split('.').reduce((number, part) => number * 256 + Number(part), 0) / 2 ** (32 - bits));
  return network(a[0]) === network(b[0]);
}
