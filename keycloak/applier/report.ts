import type { Difference } from './drift.ts';

/** What a run changed, and what it found that neither the code nor Keycloak put there. */
export interface Report {
  readonly changes: (string | Reset)[];
  readonly reported: string[];
}

/** Values that were set anew. */
export interface Reset {
  readonly what: string;
  readonly differences: readonly Difference[];
}

export const reset = (what: string, differences: readonly Difference[]): Reset => ({ what, differences });

/** `reset realm main: accessTokenLifespan, revokeRefreshToken`: names only, never values. */
export const inWords = (change: string | Reset): string => (typeof change === 'string' ? change : `reset ${change.what}: ${change.differences.map(({ path }) => path).join(', ')}`);
