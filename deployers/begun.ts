import { z } from 'zod';

/** A Docker object of a name that there can be once, and of which a run that was killed knew only that it had begun to make it. */
export interface Begun {
  readonly kind: 'container' | 'network';
  readonly name: string;
  /** The engine, as DOCKER_HOST; undefined: the one of the environment. */
  readonly engine: string | undefined;
}

/** In the order in which Docker lets them go. */
const kinds: Readonly<Record<string, Begun['kind']>> = { 'docker:index/container:Container': 'container', 'docker:index/network:Network': 'network' };

const resource = z.object({ urn: z.string(), id: z.string().optional(), type: z.string(), provider: z.string().optional(), inputs: z.object({ name: z.unknown(), host: z.unknown() }).partial().optional() });
// What Pulumi leaves out has nothing in it.
const state = z.object({ resources: z.array(resource).nullish(), pending_operations: z.array(z.object({ resource, type: z.string() })).nullish() });

/**
 * What a state says was begun, and not what came of it: Docker may have it, and would refuse to make it once more.
 * @param deployment as `pulumi stack export` gives it
 */
export function begunIn(deployment: unknown): Begun[] {
  const { resources, pending_operations: pending } = state.parse(deployment ?? {});
  const known = resources ?? [];
  // Pulumi refers to a provider as URN::ID.
  const engineOf = ({ provider }: z.infer<typeof resource>) => textIn(known.find(({ urn, id }) => `${urn}::${id}` === provider)?.inputs?.host);
  const objectOf = (one: z.infer<typeof resource>): Begun[] => {
    const [kind, name] = [kinds[one.type], textIn(one.inputs?.name)];
    return kind && name !== undefined ? [{ kind, name, engine: engineOf(one) }] : [];
  };
  // A later run may have made it: then it is no stranger, though Pulumi goes on saying that it was begun.
  const made = known.flatMap(objectOf);
  return Object.values(kinds).flatMap((kind) =>
    (pending ?? [])
      .filter(({ type }) => type === 'creating')
      .flatMap(({ resource: one }) => objectOf(one))
      .filter((begun) => begun.kind === kind && !made.some(({ name, engine }) => name === begun.name && engine === begun.engine)),
  );
}

const textIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
