import { z } from 'zod';

// RFC 6749 §3.3: a scope token has no space, quote or backslash.
export const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'is no scope token: no spaces, quotes or backslashes (RFC 6749 §3.3)');

/** Of a secret. It is part of commands that people paste, and of a path of Pulumi's config, in which a dot would part it. */
export const secretName = z.string().regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ and -');

/** Stands where a secret belongs. Objects of the config hold names of secrets, never secrets: the state would show those. */
export const secretReference = z.strictObject(
  { secret: secretName },
  { error: ({ input }) => `${input === undefined ? 'is missing: give it as' : 'is no'} {secret: name}, where name is a key of drawbridge:secrets` },
);

/** Who may call: any match lets in. */
export const allowlist = z
  .strictObject({
    users: z.array(z.string().min(1)).default([]),
    groups: z.array(z.string().min(1)).default([]),
    domains: z.array(z.string().regex(/^[^@\s]+$/, 'is no domain of e-mail addresses: write it without an @, for example example.org')).default([]),
    caseSensitive: z.boolean().default(false),
  })
  .refine(({ users, groups, domains }) => users.length + groups.length + domains.length > 0, 'lets nobody in: list users, groups or domains, or leave it out');
export type Allowlist = z.output<typeof allowlist>;

/** The Pulumi CLI demands a default of every key it is told the type of. An empty one stands for none. */
export const emptyIsNone = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === '' || (isRecord(value) && Object.keys(value).length === 0) ? undefined : value), schema.optional());

/** For parsing: of a key that there is not, the error names those that there are. */
export const namingKeys: z.core.ParseContext<z.core.$ZodIssue> = {
  error({ code, inst }) {
    if (code !== 'unrecognized_keys') return undefined;
    return `is not a known key: remove it or correct its spelling; known keys: ${Object.keys((inst as z.ZodObject).shape).join(', ')}`;
  },
};

/**
 * A value of several shapes. One look tells which is meant, so that a mistake inside is reported where it is, and not as "none of
 * these".
 * @param pick the shape that is meant, or undefined where it is none
 * @param error what is said then
 */
export const shaped = <Out>(pick: (value: unknown) => z.ZodType<Out> | undefined, error: string) =>
  z.unknown().transform((value, context): Out => {
    const parsed = pick(value)?.safeParse(value, namingKeys);
    if (parsed?.success) return parsed.data;
    for (const issue of parsed?.error.issues ?? [{ code: 'custom' as const, message: error }]) context.addIssue({ ...issue });
    return z.NEVER;
  });

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
