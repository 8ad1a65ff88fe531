import { z } from 'zod';
import { dockerText, type Place } from './process.ts';

const backupRecord = z.object({ created: z.iso.datetime(), bytes: z.int().nonnegative(), encryptedTo: z.enum(['keys', 'passphrase']) });

/** What is known of a stack's last backup. */
export type BackupRecord = Readonly<z.output<typeof backupRecord>>;

/** On the front's volume, which every stack has in both tiers and no restore replaces: so it is known wherever a backup was started. */
export const RECORD = '/configuration/last-backup.json';

/** @param place the front */
export async function record({ engine, container }: Place, backup: BackupRecord): Promise<void> {
  await dockerText(engine, ['exec', '--interactive', container, 'sh', '-c', `cat > ${RECORD}.new && mv ${RECORD}.new ${RECORD}`], JSON.stringify(backup));
}

/** Undefined where it is none: others write to that volume too. */
export function parseRecord(json: string): BackupRecord | undefined {
  try {
    return backupRecord.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
