import { BlockList, isIPv6 } from 'node:net';
import { type Failure, failureOf } from '../failure.ts';
import { type Address, bare, dial, type Network, type Validity } from '../network.ts';

/** One address of a host, and what became of connecting to it. */
export interface Dialled extends Address {
  readonly failure?: Failure;
  /** Why it is only this machine that trusts its certificate. */
  readonly distrusted?: Failure;
  readonly valid?: Validity;
}

/** A host and port, as this machine finds it. */
export interface Place {
  readonly url: URL;
  readonly addresses: readonly Dialled[];
  /** The name does not resolve. */
  readonly failure?: Failure;
  /** None of its addresses can be reached over the internet. */
  readonly isPrivate: boolean;
}

export async function reach(network: Network, url: URL): Promise<Place> {
  try {
    // More addresses than clients try themselves tell nothing new.
    const addresses = (await network.resolve(bare(url.hostname))).slice(0, 6);
    return { url, addresses: await Promise.all(addresses.map((address) => tried(network, address, url))), isPrivate: addresses.every(isPrivate) };
  } catch (error) {
    return { url, addresses: [], failure: failureOf(error), isPrivate: false };
  }
}

async function tried(network: Network, address: Address, url: URL): Promise<Dialled> {
  const attempt = (connect: Network['connect']) => dial(connect, address, url).then((found) => ({ ...found, failure: undefined }), (error: unknown) => ({ failure: failureOf(error) }));
  const asPublic = await attempt(network.connectAsPublic);
  if (asPublic.failure?.kind !== 'certificate') return { ...address, ...asPublic };
  const asHere = await attempt(network.connect);
  return asHere.failure ? { ...address, ...asHere } : { ...address, ...asHere, distrusted: asPublic.failure };
}

// RFC 6890: this machine, private networks, link-local, carriers' NAT.
const notPublic = new BlockList();
for (const [network, prefix] of [['127.0.0.0', 8], ['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['169.254.0.0', 16], ['100.64.0.0', 10], ['0.0.0.0', 8]] as const) notPublic.addSubnet(network, prefix);
for (const [network, prefix] of [['::1', 128], ['fc00::', 7], ['fe80::', 10]] as const) notPublic.addSubnet(network, prefix, 'ipv6');

const isPrivate = ({ address }: Address): boolean => notPublic.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
