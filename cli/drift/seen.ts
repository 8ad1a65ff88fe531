import type { Difference } from '../../engine/index.ts';
import { CommandError } from '../errors.ts';
import { lookAtDns } from './dns.ts';
import { lookAtFront } from './front.ts';
import { lookAtRealm } from './realm.ts';
import type { Scene, Seen, Sight } from './scene.ts';

const looks = { realm: lookAtRealm, front: lookAtFront, DNS: lookAtDns };

/** Looks at the realm, the front and DNS. Touches nothing. */
export async function lookAround(scene: Scene): Promise<Sight> {
  const sights = await Promise.all(
    Object.entries(looks).map(async ([name, look]): Promise<Partial<Sight>> => {
      try {
        return await look(scene);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        return { unknown: [`${name}: ${error.message.split('\n').join(' ')}`] };
      }
    }),
  );
  const all = <Key extends keyof Sight>(key: Key) => sights.flatMap((sight) => (sight[key] ?? []) as Sight[Key][number][]);
  return { seen: all('seen') as Seen[], beside: all('beside') as string[], unknown: all('unknown') as string[] };
}

/** As the engine takes it: what is to be set anew. */
export function refreshOf(seen: readonly Seen[]): Record<string, Difference[]> {
  const refresh: Record<string, Difference[]> = {};
  for (const { urn, what, differences } of seen) (refresh[urn] ??= []).push(...differences.map((each) => ({ ...each, path: [what, each.path].filter(Boolean).join(' ') })));
  return refresh;
}
