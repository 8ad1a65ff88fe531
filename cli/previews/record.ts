import { z } from 'zod';
import type { Notes } from '../../deployers/deployer.ts';
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

const number = z.string().regex(/^\d{1,9}$/).transform(Number);
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

/** @returns undefined where the notes are not ours */
export const recordOf = (notes: Notes): PreviewRecord | undefined => noted.safeParse(notes).data;

/** What is known of one whose notes cannot be read. */
export const unknownRecord: PreviewRecord = { url: '', template: DEFAULT_STACK, created: new Date(0), lifetime: USUAL_LIFETIME, keep: false };

/** The first is the one without which there is no record. */
export const notesOf = ({ created, ...record }: PreviewRecord): Notes =>
  Object.fromEntries(Object.entries({ created, ...record }).flatMap(([key, value]) => (value === undefined ? [] : [[key, value instanceof Date ? value.toISOString() : String(value)]])));

export const expiresOf = ({ created, lifetime }: Pick<PreviewRecord, 'created' | 'lifetime'>): Date => new Date(created.getTime() + lifetime * 1000);

/** A preview in figures, as `--json` prints it. */
export const recordJson = (record: PreviewRecord) => ({ ...record, created: record.created.toISOString(), expires: record.keep ? null : expiresOf(record).toISOString() });
