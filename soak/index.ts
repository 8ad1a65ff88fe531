import { CommandError, UsageError } from '../cli/errors.ts';
import type { Findings } from './findings.ts';

const soaks: Record<string, { summary: string; run: () => Promise<Findings> }> = {
  refresh: {
    summary: 'many sign-ins refresh tokens of seconds, while Keycloak, PostgreSQL and the server are killed and started again',
    run: async () => (await import('./refresh.ts')).soakRefresh(),
  },
  previews: {
    summary: 'twenty previews at once on one Keycloak; ten are taken down together, one run is killed meanwhile, and a sweep takes the rest',
    run: async () => (await import('./previews.ts')).soakPreviews(),
  },
};

/** Names of the soaks, each with what it does. */
export const names = Object.entries(soaks).map(([name, { summary }]) => `${name}: ${summary}`);

/**
 * Runs one soak and prints what it found.
 * @throws UsageError if there is no soak of that name, CommandError if it found what must not be.
 */
export async function run(name: string, { json }: { json: boolean }): Promise<void> {
  const soak = soaks[name];
  if (!soak) throw new UsageError(`There is no soak ${name}. These exist:\n  ${names.join('\n  ')}`);
  const { figures, failures } = await soak.run();
  const width = Math.max(...Object.keys(figures).map((key) => key.length));
  console.log(json ? JSON.stringify({ figures, failures }, null, 2) : Object.entries(figures).map(([key, value]) => `${key.padEnd(width)}  ${value}`).join('\n'));
  if (failures.length > 0) throw new CommandError(`The soak ${name} failed:`, failures.map((failure) => `  ${failure}`));
}
