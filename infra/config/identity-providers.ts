import { z } from 'zod';
import { secretReference } from './values.ts';

const clientId = z.string({ error: 'is missing: the provider shows it where you registered Drawbridge' }).min(1, 'is empty: the provider shows it where you registered Drawbridge');
const registered = { clientId, clientSecret: secretReference };
const url = z.url({ protocol: /^https?$/, error: 'is no http or https URL' }).regex(/^[^?#]*$/, 'must have no query and no fragment');
const hostName = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is no host name: lower-case letters, digits, dashes and dots, without scheme, port or path');
/** Whether an address counts as verified when the provider says so. */
const trustEmail = z.boolean({ error: 'is neither true nor false' }).default(false);

const unknown = 'is no provider that is known: use github, google, or oidc for any other, and see docs/sign-in.md for the keys of each';

/** Where people may sign in besides Keycloak itself, by the alias that stands in the callback URL. */
export const identityProviders = z.strictObject(
  {
    /** `baseUrl` and `apiUrl` are those of GitHub Enterprise Server. */
    github: z.strictObject({ ...registered, baseUrl: url.optional(), apiUrl: url.optional() }).optional(),
    /** `hostedDomain`: the one Google Workspace whose accounts are let in. */
    google: z.strictObject({ ...registered, hostedDomain: hostName.optional(), trustEmail }).optional(),
    oidc: z
      .strictObject({
        ...registered,
        /** What the button says. Default: the issuer's host. */
        name: z.string().regex(/^[^\p{C}\p{Z}]+( [^\p{C}\p{Z}]+)*$/u, 'is empty, or begins, ends or is spread out with what nobody sees: it is what the button on the sign-in page says').optional(),
        issuer: url,
        /** Further hosts of the provider's endpoints, where they are not all on the issuer's. */
        hosts: z.array(hostName).default([]),
        /** The claim that names a person. One that people can change at the provider lets them take each other's names. */
        usernameClaim: z.string().regex(/^[A-Za-z0-9_-]+$/, 'is no name of a claim: letters, digits, _ and -').default('preferred_username'),
        trustEmail,
      })
      .optional(),
  },
  { error: ({ code }) => (code === 'unrecognized_keys' ? unknown : undefined) },
);
