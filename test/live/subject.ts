import { inject } from 'vitest';
import type { Config } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';

/** How thoroughly a stack is looked at, and with what. */
export interface Looks {
  /** One that a person pasted. */
  readonly token?: string;
  /** How long a silent stream is watched: not at all, until it was kept alive once, or past the time after which edges cut. */
  readonly silence: 'none' | 'once' | 'long';
}

declare module 'vitest' {
  interface ProvidedContext {
    looks: Looks;
  }
}

export const looks = inject('looks') as Looks | undefined;
if (!looks) throw new Error('These tests look at a stack that stands: npm run verify -- --stack NAME');

/** As the stack's config says it, complete. */
export const config = inject('config') as unknown as Config;
export const endpoints = deriveEndpoints(config);
/** The realm that sign-in is in: in the stack's own Keycloak or another stack's. None where the issuer is somebody else's. */
export const realm = endpoints.authorizationServer ?? endpoints.realmElsewhere;
export const stack = inject('stack');

/** What brings the stack to what its config says. */
export const up = config.profile === 'production' ? `pulumi up --refresh --stack ${stack}` : `npm run up -- --stack ${stack}`;
export const status = `npm run status -- --stack ${stack}`;

/** Of a public name. */
export const originOf = (host: string): string => `https://${host}${endpoints.port === 443 ? '' : `:${endpoints.port}`}`;
