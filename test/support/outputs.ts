import { inject } from 'vitest';

/** The outputs of a deployed stack, under the names that scripts rely on. */
export interface StackOutputs {
  tier: string;
  issuer: string;
  jwksUrl: string;
  authorizationServerMetadataUrl: string;
  resources: Record<string, { url: string; metadataUrl: string; scopes: string[] }>;
  clients: Record<string, string>;
  caCertificate: string;
  testUser: { username: string; password: string };
  /** Only where a server gets signed identities. */
  identityJwksUrl?: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    outputs: StackOutputs;
    stack: string;
    /** What it was deployed with, without the namespace. */
    config: Record<string, unknown>;
  }
}

/** The stack that this run deployed. */
export const outputs = inject('outputs');
export const stack = inject('stack');
export const config = inject('config');
/** How who is in front refuses what never gets to a route: nginx, or before it Cloudflare (whose edge knows no such host) and its connector. */
export const refusals = config.tier === 'tunnel' ? { unreadable: 404, otherHost: 409, isPage: false } : { unreadable: 400, otherHost: 421, isPage: true };
/** The one that most tests ask: of the servers of another config, the first. */
export const resource = outputs.resources.mcp ?? Object.values(outputs.resources)[0]!;
