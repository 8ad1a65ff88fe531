import { UsageError } from '../cli/errors.ts';
import { type Figure, table } from './figure.ts';

const benches: Record<string, { summary: string; measure: () => Promise<Figure[]> }> = {
  up: {
    summary: 'up with images built, split by step, until the first authenticated tool call; up again; memory of each container; down',
    measure: async () => (await import('./up.ts')).measureUp(),
  },
  cold: {
    summary: 'up with nothing: the stand-in base images are removed and built again',
    measure: async () => (await import('./up.ts')).measureCold(),
  },
  gateway: {
    summary: 'tool calls to a backend: bare, behind the gateway, behind nginx, behind nginx and the gateway; open streams; memory',
    measure: async () => (await import('./gateway/index.ts')).measureGateway(),
  },
};

/** Names of the benches, each with what it measures. */
export const names = Object.entries(benches).map(([name, { summary }]) => `${name}: ${summary}`);

/**
 * Runs one bench and prints its figures.
 * @throws UsageError if there is no bench of that name.
 */
export async function run(name: string, { json }: { json: boolean }): Promise<void> {
  const bench = benches[name];
  if (!bench) throw new UsageError(`There is no bench ${name}. These exist:\n  ${names.join('\n  ')}`);
  const figures = await bench.measure();
  console.log(json ? JSON.stringify(figures, null, 2) : table(figures));
}
