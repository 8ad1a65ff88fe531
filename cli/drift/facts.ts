/** What `npm run drift -- --json` prints. */
export interface DriftReport {
  stack: string;
  /** Nothing differs, and all of it could be looked at. */
  ok: boolean;
  findings: Finding[];
  /** What people added by hand beside what is the stack's: `up` leaves it. */
  beside: string[];
  /** What could not be looked at, and why. */
  unknown: string[];
}

/** One thing that is not as the config says. Secrets are `[secret]`. */
export interface Finding {
  /** `container keycloak`, `realm: client claude`. */
  what: string;
  /** Which part of it: `envs.LOG_LEVEL`. Empty: all of it. */
  path: string;
  expected: string;
  found: string;
  /** What `up` would do about it, or what else does. */
  up: string;
}
