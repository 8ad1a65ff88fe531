import { lookup } from 'node:dns/promises';
import type { Socket } from 'node:net';
import { getCACertificates, rootCertificates, type TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Of a certificate. */
export interface Validity {
  readonly from: Date;
  readonly until: Date;
}

/** The way to the servers that are looked at. */
export interface Network {
  /** All addresses of a name. @throws as `node:dns/promises` does */
  resolve(host: string): Promise<Address[]>;
  readonly connect: buildConnector.connector;
  /** The same, trusting only certificates that everyone trusts, as a vendor's cloud does. */
  readonly connectAsPublic: buildConnector.connector;
}

/** In milliseconds, to connect. */
const PATIENCE = 5_000;

/** This machine's way. @param ca PEM certificates that are trusted as well as those of Node and NODE_EXTRA_CA_CERTS */
export function networkOf(ca: readonly string[] = []): Network {
  const trusting = (certificates: readonly string[]) => buildConnector({ ca: [...certificates], allowH2: false, timeout: PATIENCE, maxCachedSessions: 0 });
  return {
    resolve: (host) => lookup(host, { all: true, order: 'verbatim' }),
    connect: trusting([...getCACertificates('default'), ...ca]),
    connectAsPublic: trusting(rootCertificates),
  };
}

/** Connects to one address of a host, and hangs up. @returns what TLS told, if it was used */
export async function dial(connect: buildConnector.connector, { address }: Address, url: URL): Promise<{ valid?: Validity }> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket | TLSSocket>();
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  connect({ hostname: address, host: url.host, protocol: url.protocol, port, servername: bare(url.hostname) }, (error, socket) => (error ? reject(error) : resolve(socket!)));
  const socket = await promise;
  const certificate = 'getPeerX509Certificate' in socket ? socket.getPeerX509Certificate() : undefined;
  socket.destroy();
  return { valid: certificate && { from: new Date(certificate.validFrom), until: new Date(certificate.validTo) } };
}

/** A host as resolvers take it: an IPv6 address without its brackets. */
export const bare = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
