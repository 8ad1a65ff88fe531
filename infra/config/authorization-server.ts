import { z } from 'zod';
import { secretReference, shaped, isRecord } from './values.ts';

const another = z.strictObject({
  issuer: z.url({ protocol: /^https?$/, error: 'is no http or https URL' }).regex(/^[^?#]*$/, 'must have no query and no fragment (RFC 8414 §2)'),
  introspection: z.strictObject({ clientId: z.string().min(1), clientSecret: secretReference }).optional(),
  /** A stack with `previewRealms` on the machine of `deploy.app`, in whose Keycloak this stack has its realm. */
  keycloakOf: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'is no name of a stack').optional(),
});
const keycloak = z.literal('keycloak');

/** Who issues the tokens: the Keycloak of the stack, another stack's, or one of the user's own. */
export type AuthorizationServer = 'keycloak' | z.output<typeof another>;

export const authorizationServer = shaped<AuthorizationServer>(
  (value) => (value === 'keycloak' ? keycloak : isRecord(value) ? another : undefined),
  'is neither keycloak nor {issuer, introspection: {clientId, clientSecret}} nor {issuer, keycloakOf}',
).default('keycloak');

/** The other stack whose Keycloak has the realm, where it is so. */
export const keycloakOf = (server: AuthorizationServer | undefined): string | undefined => (typeof server === 'object' ? server.keycloakOf : undefined);

/** Whether it is one that the code makes no realm in. */
export const isForeign = (server: AuthorizationServer | undefined): boolean => typeof server === 'object' && !server.keycloakOf;
