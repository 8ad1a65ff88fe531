import { dockerWords, type EngineAddress, listStack } from '../docker.ts';
import { CommandError } from '../errors.ts';
import { objectName, roleOf } from '../stack-name.ts';
import { dockerText, type Place } from './process.ts';

/** A volume that holds what cannot be made again, and the container that uses it. */
export interface DataVolume extends Place {
  /** `acme`, `data-files`: its role in the stack. */
  readonly role: string;
  /** Where that container has it. */
  readonly path: string;
}

/** What of a stack is kept. It is found on its Docker engines alone, whoever deployed it. */
export interface Kept {
  /** The container of Keycloak's database, where the stack has one. */
  readonly database?: Place;
  readonly keycloak?: Place;
  readonly volumes: readonly DataVolume[];
  /** On whose volume backups and half restored volumes are noted. */
  readonly front: Place;
}

/** The database is dumped instead; certificates are published again from the ACME volume, the front is configured by `up`; caches are downloads. */
const notKept = /^(database$|certificates$|configuration$|cache-)/;

interface Mount {
  Name?: string;
  Destination: string;
  RW: boolean;
}

/** @throws CommandError where the stack does not stand whole: a part that is missing would be missing in the backup */
export async function findKept(stack: string, engines: readonly EngineAddress[]): Promise<Kept> {
  const used = (await Promise.all(engines.map((engine) => containersOn(engine, stack)))).flat();
  if (used.length === 0)
    throw new CommandError(`Stack ${stack} does not stand on ${engines.map((engine) => engine ?? 'this Docker engine').join(' or ')}.`, ['Stand it up first: `npm run up`, or `pulumi up`.']);
  const prefix = objectName(stack, '');
  const { volumes } = await listStack(stack, engines);
  const placeOf = (role: string) => used.find(({ container }) => roleOf(stack, container) === role);
  // Behind a tunnel nobody uses the account at the CA. It stays for a way back, and one that is lost is made anew.
  const unused = placeOf('connector-1') && !placeOf('certificates') ? [objectName(stack, 'acme')] : [];
  const kept = volumes.filter((name) => !notKept.test(name.slice(prefix.length)) && !unused.includes(name)).map((name): DataVolume => {
    const user = used.find(({ mounts }) => mounts.some((mount) => mount.Name === name && mount.RW));
    if (!user) throw new CommandError(`Nothing uses the volume ${name}: the stack is not whole.`, ['Run `up` once more, then this again.']);
    return { role: name.slice(prefix.length), engine: user.engine, container: user.container, path: user.mounts.find((mount) => mount.Name === name)!.Destination };
  });
  const [front, database] = [placeOf('front'), placeOf('database')];
  if (!front) throw new CommandError(`There is no container ${objectName(stack, 'front')}: the stack is not whole.`, ['Run `up` once more, then this again.']);
  if (!volumes.includes(objectName(stack, 'database'))) return { volumes: kept, front };
  if (!database?.running) throw new CommandError(`The container ${objectName(stack, 'database')} does not run.`, ['Run `up` once more, then this again.']);
  return { volumes: kept, front, database, keycloak: { engine: database.engine, container: objectName(stack, 'keycloak') } };
}

async function containersOn(engine: EngineAddress, stack: string): Promise<(Place & { running: boolean; mounts: Mount[] })[]> {
  const { containers } = await listStack(stack, [engine]);
  if (containers.length === 0) return [];
  const lines = await dockerText(engine, ['inspect', '--format', '{{json .}}', ...containers]);
  const inspected = JSON.parse(`[${lines.split('\n').join(',')}]`) as { Name: string; State: { Running: boolean }; Mounts: Mount[] }[];
  return inspected.map(({ Name, State, Mounts }) => ({ engine, container: Name.slice(1), running: State.Running, mounts: Mounts }));
}

/** How long a container may take to do its work again, in milliseconds. Keycloak changes its database in that time, where it is newer. */
const PATIENCE = 300_000;

/** Starts a container and waits until it says that it does its work. @throws CommandError with the end of its log */
export async function startHealthy({ engine, container }: Place): Promise<void> {
  await dockerText(engine, ['start', container]);
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 500))) {
    const state = await dockerText(engine, ['inspect', '--format', '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}', container]);
    if (state === 'running healthy') return;
    if (state.endsWith(' unhealthy')) break;
  }
  throw new CommandError(`The container ${container} does not do its work.`, [`Its log says why: ${dockerWords(engine)} logs --tail 20 ${container}`]);
}
