import { X509Certificate } from 'node:crypto';
import { connect, type ConnectionOptions } from 'node:tls';
import type { TestContext } from 'vitest';
import { notLookedAt } from './finding.ts';
import { endpoints } from './subject.ts';

export interface Handshake {
  readonly protocol: string | null;
  readonly certificate: X509Certificate;
  /** Why the certificate is not to be trusted: a code of OpenSSL's or Node's. */
  readonly distrust?: string;
}

/** Shakes hands with a public name. A certificate that is not good is no error. @throws Error where there is no TLS */
export function shakeHands(host: string, options: ConnectionOptions = {}): Promise<Handshake> {
  const { promise, resolve, reject } = Promise.withResolvers<Handshake>();
  const socket = connect({ host, port: endpoints.port, servername: host, rejectUnauthorized: false, timeout: 10_000, ...options }, () => {
    const { authorizationError } = socket as { authorizationError?: Error | string };
    const distrust = authorizationError instanceof Error ? ((authorizationError as NodeJS.ErrnoException).code ?? authorizationError.message) : authorizationError;
    resolve({ protocol: socket.getProtocol(), certificate: new X509Certificate(socket.getPeerCertificate().raw), ...(distrust && { distrust }) });
    socket.destroy();
  });
  socket.on('error', reject).on('timeout', () => socket.destroy(new Error('nothing within 10 seconds')));
  return promise;
}

const ways = new Map<string, Promise<string | undefined>>();

/** Why clients do not get as far as asking, if so. That is told once, by the checks of the way in. */
const inTheWay = (host: string) =>
  ways.get(host) ??
  ways.set(host, shakeHands(host).then(({ distrust }) => distrust && `the certificate of ${host} is not good (${distrust})`, (error: Error) => `${host} cannot be reached (${error.message})`)).get(host)!;

/** Before each check that asks for something: where nobody gets through, it would say so once more. */
export async function needsTheWayIn(context: TestContext): Promise<void> {
  const [problem] = (await Promise.all(endpoints.hosts.map(inTheWay))).filter(Boolean);
  if (problem) notLookedAt(context, `${problem}, told above`);
}
