import type { Client } from '../clients/client.ts';
import type { Failure } from '../failure.ts';
import type { Place } from '../steps/reach.ts';
import type { Cause, Sighting } from './cause.ts';

/** What keeps this client from a host, MCP server or authorization server. @param whose for sentences, such as “The MCP server” */
export function reachSightings({ url, addresses, failure, isPrivate }: Place, client: Client, whose: string): Sighting[] {
  const none: Sighting['evidence'] = [];
  if (failure) return [{ what: `${whose}’s name ${url.hostname} has no address in DNS (${failure.code}).`, remedy: 'Create an A record (AAAA too, if IPv6 works), and wait until it is known everywhere.', evidence: none }];
  const bad = addresses.filter((address) => address.failure);
  if (bad.length === addresses.length) return [...new Map(bad.map((address) => [address.failure!.kind, address])).values()].map((address) => ({ ...explained(address.failure!, url, address.address, whose), evidence: none }));
  const sightings: Sighting[] = [];
  const dead = bad.filter(({ family, failure: reason }) => family === 6 && reason!.kind !== 'unreachable');
  if (dead.length > 0) sightings.push({ weight: 'warning', what: `${url.hostname} has an IPv6 address at which nothing answers (${dead.map(({ address, failure: reason }) => `${address}: ${reason!.code}`).join(', ')}). Clients on IPv6 wait for it, or give up.`, remedy: 'Make the server answer at it, or delete the AAAA record.', evidence: none });
  if (isPrivate) return sightings;
  if (client.ipv4Only && !addresses.some(({ family }) => family === 4)) sightings.push({ what: `${url.hostname} has IPv6 addresses only, and this client calls from IPv4.`, remedy: 'Add an A record.', evidence: none });
  if (url.protocol === 'http:') sightings.push({ what: `${whose} is asked over plain HTTP: tokens would travel in the clear, and clients refuse to send them.`, remedy: 'Serve it over HTTPS, and give people that URL.', evidence: none });
  const distrusted = addresses.find((address) => address.distrusted)?.distrusted;
  if (distrusted && client.hosted) sightings.push({ what: `The certificate of ${url.hostname} is trusted on this machine only (elsewhere: ${distrusted.code}).`, remedy: 'Use a certificate from a CA that everyone trusts, such as Let’s Encrypt, with its whole chain.', evidence: none });
  if (client.hosted && url.port !== '' && url.port !== '443') sightings.push({ what: `${whose} is on port ${url.port}, and hosted clients call port 443 only: people sign in, and the token request is never made.`, remedy: 'Serve both the MCP server and the authorization server on port 443.', evidence: none });
  const valid = addresses.find((address) => address.valid)?.valid;
  // Who renews by itself does that with a third of the time left, of 90 days as of 6.
  if (valid && valid.until.getTime() - Date.now() < (valid.until.getTime() - valid.from.getTime()) / 8) sightings.push({ weight: 'warning', what: `The certificate of ${url.hostname} ends on ${valid.until.toISOString().slice(0, 10)}.`, remedy: 'Renew it, and see why that did not happen by itself.', evidence: none });
  return sightings;
}

function explained({ kind, code, message }: Failure, { hostname, host }: URL, address: string, whose: string): { what: string; remedy: string } {
  if (kind === 'certificate') {
    if (/EXPIRED/.test(code)) return { what: `The certificate of ${hostname} has expired.`, remedy: 'Renew it, and see why that did not happen by itself.' };
    if (/ALTNAME|HOSTNAME/.test(code)) return { what: `The certificate that is served is not for ${hostname} (${message.replace(/^.*altnames: /, '')}).`, remedy: 'Serve a certificate that has this name.' };
    if (/^UNABLE_TO_(VERIFY_LEAF|GET_ISSUER)/.test(code)) return { what: `The certificate chain of ${hostname} is incomplete, or its CA is not known (${code}). Browsers may fill the gap; MCP clients do not.`, remedy: 'Serve the certificate with its intermediates (the file that ACME clients call fullchain.pem). For a CA of your own: --ca FILE.' };
    return { what: `The certificate of ${hostname} is signed by a CA that nobody knows (${code}).`, remedy: 'Use a certificate from a CA that clients trust. For a CA of your own: --ca FILE.' };
  }
  if (kind === 'tls') return { what: `No TLS connection to ${host} comes about (${code}): ${message}.`, remedy: 'Check that the port speaks TLS 1.2 or 1.3, and has a certificate for the name.' };
  if (kind === 'timeout') return { what: `${whose} does not answer at ${address} (${host}): nothing came back in 5 seconds.`, remedy: 'Open the port in every firewall on the way, and check that the address is the server’s.' };
  return { what: `${whose} cannot be reached at ${address} (${host}): ${code}.`, remedy: 'Start what listens there, and check address, port and firewalls.' };
}

export const reachCauses: Cause[] = [
  { id: 'reach', step: 'reach', source: 'claude-ai-mcp#719 (ports), #335 (reachability)', look: ({ place, client }) => reachSightings(place, client, 'The MCP server') },
  {
    id: 'not-public',
    step: 'reach',
    source: 'claude-ai-mcp#335',
    look: ({ place, client }) =>
      client.hosted &&
      place.isPrivate && {
        weight: 'note',
        what: `${place.url.hostname} leads to this machine or a private network, which clients in their vendors’ clouds cannot reach. What is said of them holds for the day it is public.`,
        remedy: 'Give it a public name and port 443 when they are to connect; a tunnel will do.',
        evidence: [],
      },
  },
];
