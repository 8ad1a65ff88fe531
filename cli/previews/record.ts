import { z } from 'zod';
import type { Notes } from '../../deployers/deployer.ts';

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
  /** The stack in whose Keycloak it has its realm. */
  readonly keycloakOf?: string;
  /** Of that realm. */
  readonly issuer?: string;
}

const number = z.string().regex(/^\d+$/).transform(Number);
const noted = z.object({
  url: z.string(),
  template: z.string(),
  created: z.iso.datetime().transform((text) => new Date(text)),
  lifetime: number,
  keep: z.enum(['true', 'false']).transform((text) => text === 'true'),
  ref: z.string().optional(),
  localPort: number.optional(),
  keycloakOf: z.string().optional(),
  issuer: z.string().optional(),
});

/** @throws Error where the notes are not ours */
export const recordOf = (notes: Notes): PreviewRecord => noted.parse(notes);

export const notesOf = (record: PreviewRecord): Notes =>
  Object.fromEntries(Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [[key, value instanceof Date ? value.toISOString() : String(value)]])));

export const expiresOf = ({ created, lifetime }: Pick<PreviewRecord, 'created' | 'lifetime'>): Date => new Date(created.getTime() + lifetime * 1000);

/** A preview in figures, as `--json` prints it. */
export const recordJson = (record: PreviewRecord) => ({ ...record, created: record.created.toISOString(), expires: record.keep ? null : expiresOf(record).toISOString() });
