/** One value that is not as it should be. */
export interface Difference {
  /** Where, as a path: `attributes.pkce`. */
  readonly path: string;
  readonly expected: unknown;
  /** Undefined: nothing. */
  readonly found: unknown;
}

/**
 * Where `actual` differs from what `desired` says. What `desired` does not mention is not looked at, lists are compared without regard to
 * order, as Keycloak keeps none, and a text that is to be empty may be missing.
 */
export function drift(desired: unknown, actual: unknown, path = ''): Difference[] {
  const differs: Difference[] = [{ path, expected: desired, found: actual }];
  if (Array.isArray(desired)) return sameMembers(desired, actual) ? [] : differs;
  if (typeof desired !== 'object' || desired === null) return Object.is(desired, actual) || (desired === '' && actual === undefined) ? [] : differs;
  const found = (typeof actual === 'object' && actual !== null ? actual : {}) as Record<string, unknown>;
  return Object.entries(desired).flatMap(([key, value]) => drift(value, found[key], path ? `${path}.${key}` : key));
}

function sameMembers(desired: readonly unknown[], actual: unknown): boolean {
  // Keycloak keeps no empty list in the config of a component.
  if (actual === undefined && desired.length === 0) return true;
  if (!Array.isArray(actual) || actual.length !== desired.length) return false;
  const remaining = [...(actual as unknown[])];
  return desired.every((wanted) => {
    const index = remaining.findIndex((candidate) => drift(wanted, candidate).length === 0);
    if (index >= 0) remaining.splice(index, 1);
    return index >= 0;
  });
}
