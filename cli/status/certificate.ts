import { X509Certificate } from 'node:crypto';
import type { CertificateFacts } from './facts.ts';

/** @param pem the chain that the front serves @param metrics the ACME client's @param log its last lines @returns undefined where that is no certificate */
export function describeCertificate(pem: string, metrics: string, log: string): CertificateFacts | undefined {
  const certificate = parse(() => new X509Certificate(pem));
  if (!certificate) return undefined;
  const { subjectAltName = '', issuer, validFrom, validTo } = certificate;
  const failed = /^drawbridge_certificate_failed_attempts (\d+)$/m.exec(metrics)?.[1];
  const lastError = failed === '0' ? undefined : lastFailure(log);
  return {
    names: subjectAltName.split(', ').map((name) => name.replace(/^DNS:/, '')),
    issuer: /^CN=(.*)$/m.exec(issuer)?.[1] ?? issuer.replaceAll('\n', ', '),
    from: new Date(validFrom).toISOString(),
    until: new Date(validTo).toISOString(),
    ...(failed !== undefined && { failedAttempts: Number(failed) }),
    ...(lastError && { lastError }),
  };
}

/** A line may be cut off, or say something else: a container is free in what it prints. */
function lastFailure(log: string): string | undefined {
  const lines = log.split('\n').flatMap((line) => (line.includes('"certificate-failed"') ? [parse(() => JSON.parse(line.slice(line.indexOf('{'))) as { reason?: unknown } | null)?.reason] : []));
  return lines.findLast((reason) => typeof reason === 'string');
}

function parse<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
