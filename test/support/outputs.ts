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
}

declare module 'vitest' {
  interface ProvidedContext {
    outputs: StackOutputs;
    stack: string;
  }
}

/** The stack that this run deployed. */
export const outputs = inject('outputs');
export const stack = inject('stack');
export const resource = outputs.resources.mcp!;
