import { join } from 'node:path';
import { takeLock } from '../engine/lock.ts';
import { describe } from './backup.ts';
import { CommandError } from './errors.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { parts, verify } from './keeping/archive.ts';
import type { Contents } from './keeping/contents.ts';
import { type DatabaseFacts, databaseFacts, exchangeDatabases, load } from './keeping/database.ts';
import { replacing } from './keeping/half.ts';
import { decrypter, type KeyOptions } from './keeping/keys.ts';
import { until } from './keeping/process.ts';
import { findKept, type Kept } from './keeping/stack.ts';
import { refuseVersions } from './keeping/versions.ts';
import { replaceVolume } from './keeping/volumes.ts';
import { requireEngine } from './prepare.ts';
import { stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { enginesOfStack } from './standing-stack.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface RestoreOptions extends KeyOptions {
  stack: string;
  from: string;
  dryRun?: boolean;
  yes?: boolean;
  json?: boolean;
}

/**
 * Puts a backup into a stack that stands. Nothing is touched before the whole file has been read and the person has agreed; a run
 * that was cut short is repeated as a whole.
 */
export async function restore({ stack, from, dryRun = false, yes, json = false, ...keys }: RestoreOptions): Promise<void> {
  const terminal = createTerminal({ yes, json });
  const decrypting = await decrypter(keys);
  const contents = await verify(from, decrypting);
  const engines = enginesOfStack(stack);
  if (engines.includes(undefined)) await requireEngine();
  const kept = await findKept(stack, engines);
  const database = kept.database ? await databaseFacts(kept.database) : undefined;
  refuseVersions(contents, database);
  const { replaced, leftOut } = compare(contents, kept);

  for (const line of describe(contents)) terminal.say(line);
  terminal.say();
  terminal.say(`This replaces in stack ${stack}:`);
  for (const name of replaced) terminal.say(`  ${name.padEnd(20)} ${name === 'database' && database ? `${counted(database.users, 'user')}, ${counted(database.sessions, 'session')}, signing keys` : 'all files'}`);
  for (const name of leftOut) terminal.say(`  ${name.padEnd(20)} is left out: this stack has no such part`);
  if (dryRun || replaced.length === 0) {
    if (json) console.log(JSON.stringify({ stack, from, replaced: [], wouldReplace: replaced, leftOut }, null, 2));
    else terminal.say('Nothing was touched.');
    return;
  }
  if (!(await terminal.confirm('Replace it? What is there now is lost.', false))) throw new CommandError('Stopped; nothing was touched.');

  const signal = abortOnInterrupt(terminal, ['Stopping as soon as what is being replaced is whole … (Ctrl-C once more ends at once.)']);
  const release = takeLock(join(stateDirectory, `${stack}.lock`));
  try {
    const reading = parts(from, decrypting);
    for (let part = await reading.next(); !part.done; part = await reading.next()) {
      signal.throwIfAborted();
      const { name, content } = part.value;
      if (!replaced.includes(name)) for await (const _ of content);
      else await step(terminal, name, () => put(stack, name, content, kept, database, signal));
    }
  } catch (error) {
    const { message, next = [] } = error as CommandError;
    throw new CommandError(message, [...next, `Run the same command again${signal.aborted ? '' : ' when the cause is gone'}: it does all of it once more.`]);
  } finally {
    release();
    terminal.progress.close();
  }
  if (json) console.log(JSON.stringify({ stack, from, replaced, leftOut }, null, 2));
  else for (const line of farewell(stack, replaced)) terminal.say(line);
}

/** A database is whole until it is exchanged for another that is; a volume is not from its first file to its last. */
async function put(stack: string, name: string, content: AsyncIterable<Uint8Array>, kept: Kept, database: DatabaseFacts | undefined, signal: AbortSignal): Promise<void> {
  if (name === 'database' && kept.database && kept.keycloak && database) {
    await load(kept.database, database.name, until(signal, content));
    await exchangeDatabases(kept.database, kept.keycloak, database.name);
  } else {
    const volume = kept.volumes.find(({ role }) => role === name)!;
    await replacing(kept.front, name, () => replaceVolume(stack, volume, content));
  }
}

function compare({ parts: inside }: Contents, { database, volumes }: Kept): { replaced: string[]; leftOut: string[] } {
  const places = [...(database ? ['database'] : []), ...volumes.map(({ role }) => role)];
  const names = inside.map(({ name }) => name);
  return { replaced: names.filter((name) => places.includes(name)), leftOut: names.filter((name) => !places.includes(name)) };
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

async function step(terminal: Terminal, name: string, work: () => Promise<void>): Promise<void> {
  terminal.progress.start(name, `restoring ${name}`);
  try {
    await work();
  } catch (error) {
    terminal.progress.fail(name, `restoring ${name}`);
    throw error;
  }
  terminal.progress.finish(name, `restored ${name}`);
}

function farewell(stack: string, replaced: readonly string[]): string[] {
  if (!replaced.includes('database')) return ['Restored.'];
  return [
    'Restored. Who was signed in at the time of the backup still is, and passwords are those of that time, the test user’s too.',
    'The realm is as it was then. Where the config or Drawbridge has changed since, have it applied anew:',
    `  npm run rotate -- applier${stackOption(stack).replace(' --', '')}, and \`up\``,
  ];
}
