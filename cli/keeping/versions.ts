import { CommandError } from '../errors.ts';
import type { Contents } from './contents.ts';
import type { DatabaseFacts } from './database.ts';

/**
 * Keycloak changes a database of an older version when it starts with it, and cannot read one of a newer. Across major versions
 * it is to be changed where it stands.
 * @throws CommandError
 */
export function refuseVersions({ keycloak, postgres }: Contents, here: Pick<DatabaseFacts, 'keycloak' | 'postgres'> | undefined): void {
  if (!here || !keycloak || !postgres) return;
  const nothing = 'Nothing was touched.';
  if (major(postgres) > major(here.postgres))
    throw new CommandError(`The backup is of PostgreSQL ${postgres}, which PostgreSQL ${here.postgres} of this stack cannot read. ${nothing}`, ['Use the version of Drawbridge that made the backup, or a newer one.']);
  if (major(keycloak) !== major(here.keycloak) || newer(keycloak, here.keycloak))
    throw new CommandError(`The backup is of Keycloak ${keycloak}, and this stack has Keycloak ${here.keycloak}. ${nothing}`, [
      'Restore it with the version of Drawbridge that made it; then upgrade.',
    ]);
}

const numbers = (version: string): number[] => version.split('.').map((part) => Number.parseInt(part, 10));
const major = (version: string): number => numbers(version)[0] ?? 0;

function newer(version: string, than: string): boolean {
  const [left, right] = [numbers(version), numbers(than)];
  const index = left.findIndex((part, at) => part !== (right[at] ?? 0));
  return index >= 0 && left[index]! > (right[index] ?? 0);
}
