import { BlockList, isIP } from 'node:net';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

// RFC 2544: networks of tests.
const forTests = new BlockList();
forTests.addSubnet('198.18.0.0', 15);

// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
const reserved = new BlockList();
for (const [network, prefix] of [['10.0.0.0', 8], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['169.254.0.0', 16]] as const) reserved.addSubnet(network, prefix);
reserved.addSubnet('fc00::', 7, 'ipv6');
reserved.addSubnet('fe80::', 10, 'ipv6');

/** @param hostname as the URL class gives it: IPv6 in brackets */
export const isLoopback = (hostname: string): boolean => hostname === 'localhost' || hostname.endsWith('.localhost') || isIn(loopback, hostname);

/** Whether an address is of a network for tests, whose DNS is its own. */
export const isForTests = (address: string): boolean => isIn(forTests, address);

/** Whether a host can only be on a network of one's own: a private address, or a name that public DNS does not have. */
export const isPrivate = (hostname: string): boolean =>
  isLoopback(hostname) || isForTests(hostname) || isIn(reserved, hostname) || !/[.:]/.test(hostname) || /\.(internal|local|home\.arpa)$/.test(hostname);

function isIn(list: BlockList, hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
