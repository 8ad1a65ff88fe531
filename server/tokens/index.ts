import type { Logger } from '../logger.ts';
import type { AuthSettings } from './auth-settings.ts';
import { STATIC_LIFETIME_SECONDS, verifyStatic } from './bearer.ts';
import { Discovery } from './discovery.ts';
import { Introspector, judgeByIntrospection } from './introspection.ts';
import { judgeJwt } from './jwt.ts';
import { KeyStore } from './keys.ts';
import { remember, type Verify } from './verdicts.ts';

export { DiscoveryError } from './discovery.ts';
export type { Verify } from './verdicts.ts';

/** How access tokens are checked, for all servers of a thread. */
export interface Tokens {
  /** Whether a request needs a token at all. Where it does not, any string may be verified. */
  readonly required: boolean;
  /** Checks tokens for one resource. `scopes` are all that it has, which is what static tokens and `none` get. */
  verifier(audience: string, scopes: readonly string[]): Verify;
  /** Why no token can be checked at the moment; nothing when all is well. */
  problem(): string | undefined;
  /** Stops what goes on in the background. */
  close(): void;
}

/** Every one of the servers that tokens are checked for. */
export type Servers = readonly { readonly name: string; readonly scopes: readonly string[] }[];

/** @throws DiscoveryError when the user's own authorization server cannot be used as it is configured */
export async function createTokens(auth: AuthSettings, servers: Servers, logger: Logger): Promise<Tokens> {
  switch (auth.kind) {
    case 'jwks':
      return signed(auth.issuer, new KeyStore(() => auth.jwksUrl, logger));
    case 'discovery': {
      const discovery = await Discovery.begin(auth.metadataUrls, { issuer: auth.issuer, endpoint: 'jwks_uri', servers }, logger);
      return signed(auth.issuer, new KeyStore(discovery.endpoint, logger), discovery);
    }
    case 'introspection': {
      const discovery = await Discovery.begin(auth.metadataUrls, { issuer: auth.issuer, endpoint: 'introspection_endpoint', servers }, logger);
      return introspected(auth.issuer, new Introspector(discovery.endpoint, auth, logger), discovery);
    }
    case 'bearer':
      return { ...withoutBackground, required: true, verifier: (_audience, scopes) => verifyStatic(auth.tokens, scopes) };
    case 'none':
      logger.warn('DANGER: drawbridge:auth is none, so anyone who reaches this server may call every tool with every scope, without signing in. Set it to oauth or bearer.');
      return { ...withoutBackground, required: false, verifier: (_audience, scopes) => letIn(scopes) };
  }
}

const withoutBackground = { problem: () => undefined, close: () => {} };

function signed(issuer: string, keys: KeyStore, discovery?: Discovery): Tokens {
  return {
    required: true,
    verifier: (audience) => remember(judgeJwt({ keys, issuer, audience }), () => keys.inForce()),
    problem: () => discovery?.problem() ?? keys.problem(),
    close: () => discovery?.close(),
  };
}

function introspected(issuer: string, introspector: Introspector, discovery: Discovery): Tokens {
  return {
    required: true,
    verifier: (audience) => remember(judgeByIntrospection({ introspector, issuer, audience })),
    problem: () => discovery.problem() ?? introspector.problem(),
    close: () => discovery.close(),
  };
}

function letIn(scopes: readonly string[]): Verify {
  return () => ({
    subject: 'anonymous',
    groups: [],
    clientId: 'anonymous',
    scopes,
    expiresAt: Math.floor(Date.now() / 1000) + STATIC_LIFETIME_SECONDS,
  });
}
