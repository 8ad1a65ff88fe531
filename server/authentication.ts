import type { Request, RequestHandler } from 'express';
import { RefusedError, refuse, type Challenger } from './challenge.ts';
import { annotate } from './logger.ts';
import type { Caller, Verify } from './verifier.ts';

declare module 'express-serve-static-core' {
  interface Request {
    /** Who calls; set once the access token is verified. */
    caller?: Caller;
  }
}

// RFC 6750 §2.1: the token is one b64token after the scheme, whose name is case-insensitive (RFC 9110 §11.1).
const bearerCredentials = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

/** Lets a request pass only with an access token that `verify` accepts. */
export function authenticate(verify: Verify, challenger: Challenger): RequestHandler {
  return async (req, res, next) => {
    try {
      req.caller = await verify(readToken(req));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return refuse(res, error.refusal, challenger);
    }
    // What comes after has no use for the token, and what it does not have it cannot log or pass on.
    delete req.headers.authorization;
    annotate(res, { subject: req.caller.subject, client: req.caller.clientId });
    next();
  };
}

/** @throws RefusedError when there is no token, or none in the one place where it may be. */
function readToken(req: Request): string {
  // URLs end up in logs, histories and referrers: never from there (RFC 6750 §5.3, MCP token handling).
  if (new URLSearchParams(req.originalUrl.split('?')[1]).has('access_token')) throw malformed('The access token must not be in the URL');
  const headers = req.headersDistinct.authorization ?? [];
  // Two readers of the same request could each believe another one.
  if (headers.length > 1) throw malformed('There is more than one Authorization header');
  const header = headers[0]?.trim();
  if (!header || !/^bearer\b/i.test(header)) throw new RefusedError({ kind: 'no-token' });
  const token = bearerCredentials.exec(header)?.[1];
  if (!token) throw malformed('The Authorization header is not of the form: Bearer TOKEN');
  return token;
}

function malformed(description: string): RefusedError {
  return new RefusedError({ kind: 'malformed', description });
}
