import type { IncomingMessage } from 'node:http';
import { RefusedError } from './challenge.ts';

// RFC 6750 §2.1: the token is one b64token after the scheme, whose name is case-insensitive (RFC 9110 §11.1).
const bearerCredentials = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/**
 * The access token of a request.
 * @throws RefusedError when there is no token, or none in the one place where it may be.
 */
export function readToken(req: IncomingMessage): string {
  // URLs end up in logs, histories and referrers: never from there (RFC 6750 §5.3, MCP token handling).
  if (req.url!.includes('?') && new URLSearchParams(req.url!.slice(req.url!.indexOf('?'))).has('access_token')) throw malformed('The access token must not be in the URL');
  const header = req.headers.authorization?.trim();
  if (!header || !/^bearer\b/i.test(header)) throw new RefusedError({ kind: 'no-token' });
  // Two readers of the same request could each believe another one; Node keeps the first.
  if (countOf(req, 'authorization') > 1) throw malformed('There is more than one Authorization header');
  const token = bearerCredentials.exec(header)?.[1];
  if (!token) throw malformed('The Authorization header is not of the form: Bearer TOKEN');
  return token;
}

function countOf({ rawHeaders }: IncomingMessage, name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]!.length === name.length && rawHeaders[index]!.toLowerCase() === name) count += 1;
  return count;
}

function malformed(description: string): RefusedError {
  return new RefusedError({ kind: 'malformed', description });
}
