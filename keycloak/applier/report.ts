/** What a run changed, and what it found that neither the code nor Keycloak put there. Names only, never values. */
export interface Report {
  readonly changes: string[];
  readonly reported: string[];
}

/** Words for a reset: `reset realm main: accessTokenLifespan, revokeRefreshToken`. */
export function reset(what: string, paths: readonly string[]): string {
  return `reset ${what}: ${paths.join(', ')}`;
}
