import { z } from 'zod';
import { isStackName } from '../stack-name.ts';

// age says that nobody has changed a file since it was written, not who wrote it: a public key is everyone's. What is read here is
// shown to people and compared with what runs, so nothing passes that a backup of ours would not say.
const version = z.string().regex(/^[0-9][\w.+-]{0,39}$/, 'is no version');

/** Without the names of what is unknown. */
const unknown = 'holds something that no backup of ours does';

const part = z
  .strictObject(
    {
      /** `database`, or the role of a volume. */
      name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'is no name of a part'),
      /** A dump in PostgreSQL's custom format, or the files of a volume as a tar. */
      kind: z.enum(['database', 'volume']),
      bytes: z.int().nonnegative(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256'),
    },
    unknown,
  )
  .refine(({ name, kind }) => (name === 'database') === (kind === 'database'), 'is a database by its name or by its kind only');
export type Part = z.output<typeof part>;

/** What a backup says of itself. It is its last entry: a backup that has one is whole. */
export const contents = z
  .strictObject(
    {
      /** Raised when a reader of the format before could not read it. */
      format: z.literal(1, 'was made by another version of Drawbridge, whose format this one does not know'),
      stack: z.string().refine(isStackName, 'is no stack name'),
      created: z.iso.datetime(),
      drawbridge: version,
      /** Versions of what wrote the database; absent where the stack had none. */
      keycloak: version.optional(),
      postgres: version.optional(),
      parts: z.array(part).refine((parts) => new Set(parts.map(({ name }) => name)).size === parts.length, 'holds a part twice'),
    },
    unknown,
  )
  .refine(({ keycloak, postgres, parts }) => (keycloak && postgres) || !parts.some(({ kind }) => kind === 'database'), {
    path: ['keycloak'],
    error: 'and postgres have to be said of a database',
  });
export type Contents = z.output<typeof contents>;
