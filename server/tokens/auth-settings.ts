import { z } from 'zod';

const url = z.url({ protocol: /^https?$/, error: 'is no http or https URL' });
const text = z.string().min(1, 'must not be empty');

/** Where the authorization server's metadata may be, complete and in the order in which MCP clients look. */
const metadataUrls = z.array(url).min(1, 'needs at least one URL');

const staticTokens = z
  .array(z.strictObject({ name: text, sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in lower-case hex') }))
  .min(1, 'needs at least one token')
  .superRefine((tokens, context) => {
    for (const key of ['name', 'sha256'] as const)
      tokens.forEach((token, index) => {
        // Two users with one name or one token could not be told apart.
        if (tokens.findIndex((other) => other[key] === token[key]) < index)
          context.addIssue({ code: 'custom', path: [index, key], message: 'is used by an earlier token' });
      });
  });

/** How access tokens are checked. */
export const authSettings = z.discriminatedUnion('kind', [
  /** JWTs, with keys from a known URL, which may be inside the network. */
  z.strictObject({ kind: z.literal('jwks'), issuer: url, jwksUrl: url }),
  /** JWTs of the user's own authorization server; where its keys are, its metadata says. */
  z.strictObject({ kind: z.literal('discovery'), issuer: url, metadataUrls }),
  /** Tokens of any form, which the user's own authorization server is asked about (RFC 7662). */
  z.strictObject({ kind: z.literal('introspection'), issuer: url, metadataUrls, clientId: text, clientSecret: text }),
  /** Fixed tokens, of which only the hashes are here. */
  z.strictObject({ kind: z.literal('bearer'), tokens: staticTokens }),
  /** Dangerous: everybody is let in. */
  z.strictObject({ kind: z.literal('none') }),
], { error: 'has a kind other than jwks, discovery, introspection, bearer and none' });

export type AuthSettings = z.output<typeof authSettings>;
