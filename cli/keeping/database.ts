import { TEMPORARY } from '../../keycloak/administrator.ts';
import { CommandError } from '../errors.ts';
import { dockerStream, dockerText, type Place } from './process.ts';
import { startHealthy } from './stack.ts';

/** The container's own words for where it is and who it may be, so that no password is an argument of ours. */
const asOwner = (command: string) => ['sh', '-c', `PGPASSWORD="$POSTGRES_PASSWORD" exec ${command} --username "$POSTGRES_USER" "$@"`, 'sh'];
const inside = (container: string, command: string, ...args: string[]) => ['exec', '--interactive', container, ...asOwner(command), ...args];

/** Beside the database of the stack: one that is being filled, and one whose place was taken. */
const INCOMING = 'drawbridge_incoming';
const REPLACED = 'drawbridge_replaced';
const APPLIER = 'drawbridge-applier';

/** Runs SQL in one session, which ends at the first error. @param variables of psql, `:name` in the text */
async function sql({ engine, container }: Place, text: string, database = 'postgres', variables: Record<string, string> = {}): Promise<string> {
  const set = Object.entries(variables).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  return dockerText(engine, inside(container, 'psql', '--no-psqlrc', '--quiet', '--no-align', '--tuples-only', '--set', 'ON_ERROR_STOP=1', ...set, '--dbname', database), text);
}

export interface DatabaseFacts {
  name: string;
  postgres: string;
  keycloak: string;
  users: number;
  sessions: number;
}

/** @throws CommandError where no realm has been applied: there is nothing to keep, and nothing could be let in after a restore */
export async function databaseFacts(place: Place): Promise<DatabaseFacts> {
  const name = await dockerText(place.engine, ['exec', place.container, 'printenv', 'POSTGRES_DB']);
  const unfinished = (cause: string) => new CommandError(`The database in ${place.container} ${cause}.`, ['Run `up` to its end, then this again.']);
  if ((await sql(place, "SELECT to_regclass('migration_model') IS NULL OR to_regclass('client') IS NULL", name)) === 't') throw unfinished('is empty');
  const [keycloak = '', postgres = '', users, sessions, appliers] = (
    await sql(
      place,
      `SELECT (SELECT version FROM migration_model ORDER BY update_time DESC LIMIT 1), current_setting('server_version'),
        (SELECT count(*) FROM user_entity WHERE service_account_client_link IS NULL), (SELECT count(*) FROM offline_user_session),
        (SELECT count(*) FROM client WHERE client_id = '${APPLIER}')`,
      name,
    )
  ).split('|');
  if (appliers === '0') throw unfinished('has no realm yet');
  return { name, keycloak, postgres: postgres.split(' ')[0]!, users: Number(users), sessions: Number(sessions) };
}

/** A dump of one moment, while the database goes on. */
export const dump = ({ engine, container }: Place, database: string): AsyncIterable<Uint8Array> => dockerStream(engine, inside(container, 'pg_dump', '--format', 'custom', database));

/**
 * Fills a database beside the one in use, which goes on being used. The applier's secret is not the dump's but the one of this
 * stack, which its next run will sign in with. An administrator whom `admin` had let in just then is not let in again; the next
 * `admin` deletes that account. What a killed run left is removed first.
 */
export async function load(place: Place, database: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  await sql(place, `DROP DATABASE IF EXISTS ${INCOMING} WITH (FORCE);\nCREATE DATABASE ${INCOMING};`);
  await dockerText(place.engine, inside(place.container, 'pg_restore', '--exit-on-error', '--no-owner', '--dbname', INCOMING), content);
  await sql(
    place,
    `SELECT secret AS applier FROM client WHERE client_id = '${APPLIER}' LIMIT 1 \\gset
    \\connect ${INCOMING}
    UPDATE client SET secret = :'applier' WHERE client_id = '${APPLIER}';
    UPDATE user_entity SET enabled = FALSE WHERE username LIKE '${TEMPORARY}%' AND realm_id = (SELECT id FROM realm WHERE name = 'master');
    ANALYZE;`,
    database,
  );
}

/** Puts the filled database in the place of the one in use, in one transaction; with it goes whoever is still connected. */
const exchange = (database: string, incoming: string, outgoing: string) => `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN ('${database}', '${incoming}') AND pid <> pg_backend_pid() \\g /dev/null
  BEGIN;
  ALTER DATABASE "${database}" RENAME TO ${outgoing};
  ALTER DATABASE ${incoming} RENAME TO "${database}";
  COMMIT;`;

/**
 * Has Keycloak go on with the filled database. Where it does not come up with it, the one before is put back.
 * @throws CommandError with Keycloak's own words
 */
export async function exchangeDatabases(place: Place, keycloak: Place, database: string): Promise<void> {
  await dockerText(keycloak.engine, ['stop', '-t', '30', keycloak.container]);
  await sql(place, `DROP DATABASE IF EXISTS ${REPLACED} WITH (FORCE);\n${exchange(database, INCOMING, REPLACED)}`);
  try {
    await startHealthy(keycloak);
  } catch (error) {
    await dockerText(keycloak.engine, ['stop', '-t', '30', keycloak.container]);
    await sql(place, exchange(database, REPLACED, INCOMING));
    await startHealthy(keycloak);
    throw new CommandError(`Keycloak did not start with the restored database; the one before is in its place again.\n${(error as Error).message}`);
  }
  await sql(place, `DROP DATABASE ${REPLACED} WITH (FORCE);`);
}
