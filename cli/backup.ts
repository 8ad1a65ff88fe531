import manifest from '../package.json' with { type: 'json' };
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Encrypter } from 'age-encryption';
import { takeLock } from '../engine/lock.ts';
import { UsageError } from './errors.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { type Source, verify, write } from './keeping/archive.ts';
import type { Contents, Part } from './keeping/contents.ts';
import { databaseFacts, dump } from './keeping/database.ts';
import { refuseUnwritable, writeWhole } from './keeping/file.ts';
import { refuseHalfRestored } from './keeping/half.ts';
import { decrypter, encrypter, type KeyOptions, makeKey } from './keeping/keys.ts';
import { type Place, until } from './keeping/process.ts';
import { type BackupRecord, record } from './keeping/record.ts';
import { findKept, type Kept } from './keeping/stack.ts';
import { readVolume } from './keeping/volumes.ts';
import { requireEngine } from './prepare.ts';
import { stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { enginesOfStack } from './standing-stack.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface BackupOptions extends KeyOptions {
  stack: string;
  to?: string;
  json?: boolean;
}

/** Saves what a stack could not make again, while it runs. @throws UsageError before anything is read, CommandError */
export async function backup({ stack, to, json = false, ...keys }: BackupOptions): Promise<void> {
  if (!to) throw new UsageError('Where to? Name a file: npm run backup -- --to FILE.');
  refuseUnwritable(to);
  const terminal = createTerminal({ json });
  const encrypting = await encrypter(keys);
  const engines = enginesOfStack(stack);
  if (engines.includes(undefined)) await requireEngine();
  const signal = abortOnInterrupt(terminal, ['Stopping: nothing will be left of the file … (Ctrl-C once more ends at once.)']);
  // From here on no restore, and no `up`, comes between.
  const release = takeLock(join(stateDirectory, `${stack}.lock`));
  try {
    const kept = await findKept(stack, engines);
    await refuseHalfRestored(stack, kept);
    const contents = await save(stack, kept, to, encrypting, terminal, signal);
    const bytes = statSync(to).size;
    await note(kept.front, { created: contents.created, bytes, encryptedTo: keys.recipient?.length ? 'keys' : 'passphrase' }, terminal);
    if (json) return console.log(JSON.stringify({ file: to, bytes, ...contents }, null, 2));
    for (const line of describe(contents)) terminal.say(line);
    terminal.say(`Saved in ${to} (${size(bytes)}). Keep it, and its key, off the stack’s machines. Check it: npm run backup -- verify ${to}`);
    terminal.say(`Put it back: npm run restore${stackOption(stack) || ' --'} --from ${to}`);
  } finally {
    release();
  }
}

async function save(stack: string, { database, volumes }: Kept, to: string, encrypting: Encrypter, { progress }: Terminal, signal: AbortSignal): Promise<Contents> {
  const facts = database ? await databaseFacts(database) : undefined;
  const sources: Source[] = volumes.map((volume) => ({ name: volume.role, kind: 'volume', read: () => readVolume(volume) }));
  if (database && facts) sources.unshift({ name: 'database', kind: 'database', read: () => dump(database, facts.name) });

  const parts: Part[] = [];
  const about = { stack, created: new Date().toISOString(), drawbridge: manifest.version, keycloak: facts?.keycloak, postgres: facts?.postgres };
  const written = write(sources, about, encrypting, (part) => {
    parts.push(part);
    progress.line('backup', part.name);
  });
  progress.start('backup', `saving stack ${stack}`);
  try {
    await writeWhole(to, until(signal, written));
  } catch (error) {
    progress.fail('backup', `saving stack ${stack}`);
    throw error;
  } finally {
    progress.close();
  }
  return { format: 1, ...about, parts };
}

/** The backup is good without it: `status` then knows of the one before. */
async function note(front: Place, backup: BackupRecord, terminal: Terminal): Promise<void> {
  try {
    await record(front, backup);
  } catch (error) {
    terminal.say(`Note: \`npm run status\` will not know of this backup, which could not be noted on the stack: ${(error as Error).message}`);
  }
}

/** Reads all of a backup and says what is in it. @throws CommandError where it is not whole */
export async function verifyBackup(file: string, { json = false, ...keys }: KeyOptions & { json?: boolean }): Promise<void> {
  const contents = await verify(file, await decrypter(keys));
  if (json) console.log(JSON.stringify({ file, ok: true, ...contents }, null, 2));
  else console.log([`${file} is whole.`, ...describe(contents)].join('\n'));
}

export async function makeBackupKey(file: string): Promise<void> {
  const recipient = await makeKey(file);
  console.error(`The private key is in ${file}: keep it off the server, for without it no backup can be read. The public key, for --recipient:`);
  console.log(recipient);
}

export function describe({ stack, created, drawbridge, keycloak, postgres, parts }: Contents): string[] {
  const versions = [`Drawbridge ${drawbridge}`, ...(keycloak ? [`Keycloak ${keycloak}`, `PostgreSQL ${postgres}`] : [])];
  return [`Stack ${stack}, ${created}, ${versions.join(', ')}:`, ...parts.map(({ name, bytes }) => `  ${name.padEnd(20)} ${size(bytes)}`)];
}

const size = (bytes: number): string => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
