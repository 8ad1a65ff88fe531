/** Why there was no answer. */
export interface Failure {
  readonly kind: 'name' | 'refused' | 'unreachable' | 'timeout' | 'certificate' | 'tls' | 'reset' | 'protocol';
  /** Such as ECONNREFUSED. */
  readonly code: string;
  readonly message: string;
}

const kinds: readonly [RegExp, Failure['kind']][] = [
  [/^(ENOTFOUND|EAI_|ENODATA)/, 'name'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EACCES|EPERM)$/, 'unreachable'],
  [/TIMEOUT|^ETIMEDOUT$|^TimeoutError$|^AbortError$/, 'timeout'],
  [/^CERT_|SELF_SIGNED_CERT|^UNABLE_TO_|ALTNAME|^INVALID_(CA|PURPOSE)|^HOSTNAME_MISMATCH/, 'certificate'],
  [/^(ERR_SSL|ERR_TLS|EPROTO)/, 'tls'],
  [/^HPE_|PARSER|^ERR_INVALID_CHAR$/, 'protocol'],
];

/** What an error of undici, `node:tls` or the resolver says. Happy eyeballs hide the reasons of each address in an AggregateError. */
export function failureOf(error: unknown): Failure {
  for (let cause = error; cause instanceof Error; cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause) {
    const code = codeOf(cause);
    const kind = kinds.find(([pattern]) => pattern.test(code))?.[1];
    if (kind) return { kind, code, message: cause.message };
  }
  return { kind: 'reset', code: codeOf(error as Error), message: (error as Error).message };
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  // A DOMException, such as a timeout's, has a number.
  return typeof code === 'string' ? code : error.name;
}
