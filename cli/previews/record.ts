import { z } from 'zod';
import type { Notes } from '../../deployers/deployer.ts';
import { CommandError } from '../errors.ts';
import { DEFAULT_STACK } from '../stack-name.ts';

/** In seconds. */
export const USUAL_LIFETIME = 72 * 3_600;

/** What is remembered of a preview. */
export interface PreviewRecord {
  readonly url: string;
  /** Stack whose config it was made from. */
  readonly template: string;
  readonly created: Date;
  /** Seconds from its making until a sweep takes it. */
  readonly lifetime: number;
  /** No sweep takes it. */
  readonly keep: boolean;
  /** What was checked out: `branch@commit`, or the commit alone. */
  readonly ref?: string;
  /** In profile local. */
  readonly localPort?: number;
  /** In all other profiles. */
  readonly firstPort?: number;
  /** The stack in whose Keycloak it has its realm. */
  readonly keycloakOf?: string;
  /** Of that realm. */
  readonly issuer?: string;
}

const number = z.string().regex(/^\d+$/).transform(Number);
/** Of a run that was killed while it noted things, one by one, there is the first only: the rest is as it is usually. */
const noted = z.object({
  created: z.iso.datetime().transform((text) => new Date(text)),
  url: z.string().default(''),
  template: z.string().default(DEFAULT_STACK),
  lifetime: number.default(USUAL_LIFETIME),
  keep: z.enum(['true', 'false']).transform((text) => text === 'true').default(false),
  ref: z.string().optional(),
  localPort: number.optional(),
  firstPort: number.optional(),
  keycloakOf: z.string().optional(),
  issuer: z.string().optional(),
});

/** @throws CommandError where the notes are not ours */
export function recordOf(name: string, notes: Notes): PreviewRecord {
  const { success, data } = noted.safeParse(notes);
  if (!success) throw new CommandError(`What is noted of preview ${name} cannot be read.`, [`Remove the notes (.drawbridge/state/${name}.preview, or the tags drawbridge:preview-… of the stack), and take the stack down: npm run down -- --stack ${name}`]);
  return data;
}

/** The first is the one without which there is no record. */
export const notesOf = ({ created, ...record }: PreviewRecord): Notes =>
  Object.fromEntries(Object.entries({ created, ...record }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value instanceof Date ? value.toISOString() : String(value)]])));

export const expiresOf = ({ created, lifetime }: Pick<PreviewRecord, 'created' | 'lifetime'>): Date => new Date(created.getTime() + lifetime * 1000);

/** A preview in figures, as `--json` prints it. */
export const recordJson = (record: PreviewRecord) => ({ ...record, created: record.created.toISOString(), expires: record.keep ? null : expiresOf(record).toISOString() });
