import { z } from 'zod';
import { connect, dockerWords } from '../docker.ts';
import { CommandError } from '../errors.ts';
import { stackOption } from '../stack-name.ts';
import type { Place } from './process.ts';
import type { Kept } from './stack.ts';
import { tarEnd, tarEntries, tarEntry } from './tar.ts';

// Which volumes a restore has begun to replace and not ended: what is in them now looks like all there is. It is noted where
// backups are: on the front's volume, which every stack has and no restore replaces, and whose container may stand still meanwhile.
const DIRECTORY = '/configuration';
const FILE = 'half-restored.json';

const containerOf = async ({ engine, container }: Place) => (await connect(engine)).getContainer(container);

/** Roles of the volumes. @param place the front, which may stand still */
export async function halfRestored(place: Place): Promise<string[]> {
  const archive = await (await containerOf(place)).getArchive({ path: `${DIRECTORY}/${FILE}` }).catch((error: { statusCode?: number }) => {
    if (error.statusCode === 404) return undefined;
    throw error;
  });
  if (!archive) return [];
  for await (const { content } of tarEntries(archive as AsyncIterable<Buffer>)) return parseNote(content.toString('utf8'), place.container);
  return [];
}

/** @throws CommandError where it is no such note: others write to that volume too */
export function parseNote(json: string, container: string): string[] {
  try {
    return z.array(z.string()).parse(JSON.parse(json));
  } catch {
    throw new CommandError(`${DIRECTORY}/${FILE} in ${container} is damaged: which volumes a restore left half replaced is not known.`, [
      `Restore all of the stack anew, or, where what is there now is to count as whole: docker exec ${container} rm ${DIRECTORY}/${FILE}`,
    ]);
  }
}

async function note(place: Place, roles: readonly string[]): Promise<void> {
  await (await containerOf(place)).putArchive(Buffer.concat([tarEntry(FILE, Buffer.from(JSON.stringify(roles))), tarEnd]), { path: DIRECTORY });
}

/** Does the work that replaces a volume. A run that ends within, however it does, leaves the volume noted as half restored. */
export async function replacing(place: Place, role: string, work: () => Promise<void>): Promise<void> {
  const others = (await halfRestored(place)).filter((each) => each !== role);
  await note(place, [...others, role]);
  await work();
  await note(place, others);
}

/** @throws CommandError where a backup would save a part of what a volume held as all of it */
export async function refuseHalfRestored(stack: string, { front, volumes }: Kept): Promise<void> {
  const half = await halfRestored(front);
  const concerned = volumes.map(({ role }) => role).filter((role) => half.includes(role));
  if (concerned.length === 0) return;
  throw new CommandError(`A restore of stack ${stack} ended before ${concerned.join(', ')} was whole: a backup would save half of it.`, [
    `Run \`npm run restore${stackOption(stack) || ' --'} --from FILE\` again, to its end, then this.`,
    `Or, where what is there now is to count as whole: ${dockerWords(front.engine)} exec ${front.container} rm ${DIRECTORY}/${FILE}`,
  ]);
}
