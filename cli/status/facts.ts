import type { FirewallState } from '../../host/firewall/state.ts';
import type { Finding } from '../../cloudflare/diagnose.ts';
import type { BackupRecord } from '../keeping/record.ts';

/** What `npm run status -- --json` prints: times are ISO 8601, sizes are bytes. What nobody could find out is absent. */
export interface Status extends Facts {
  /** No problems. */
  ok: boolean;
  problems: Problem[];
}

export interface Problem {
  what: string;
  /** What to do about it. */
  next: string;
}

export interface Facts {
  stack: string;
  /** `drawbridge`, `keycloak`, `postgres`, `nginx`, `node`, `cloudflared`. */
  versions: Record<string, string>;
  machines: MachineFacts[];
  /** Of a tunnel. Then Cloudflare's edge has the certificate. */
  connectors?: { connected: number; of: number };
  /** Of a tunnel: what keeps clients out on Cloudflare's side, or why Cloudflare was not asked. */
  edge?: readonly Finding[] | { unknown: string };
  /** The one that the front serves. */
  certificate?: CertificateFacts;
  /** The last backup that is known of. */
  backup?: BackupRecord;
  /** Roles of volumes that a restore has begun to replace and not ended. */
  halfRestored: string[];
  /** What `up` would do. */
  drift: Drift;
}

export interface MachineFacts {
  /** `local` or `ssh://user@host[:port]`. */
  machine: string;
  /** Why it could not be looked at. Then there is no more of it. */
  unreachable?: string;
  /** Version of its Docker engine. */
  docker?: string;
  /** Roles of containers that belong there and are not. */
  missing: string[];
  containers: ContainerFacts[];
  /** Where Docker keeps its data. */
  disk?: { free: number; total: number };
  volumes: { name: string; bytes: number }[];
  firewall?: FirewallState | { unknown: string };
}

export interface ContainerFacts {
  role: string;
  name: string;
  image: string;
  /** As Docker says: `running`, `restarting`, `exited` … */
  state: string;
  health?: 'healthy' | 'unhealthy' | 'starting';
  /** What its last health check said, where it failed. */
  said?: string;
  exitCode?: number;
  /** When it started, or ended. */
  since: string;
  /** By Docker, since it was made. */
  restarts: number;
  /** Whether it starts again with its machine. */
  comesBack: boolean;
  memory?: { used: number; limit: number };
  /** The most that its log can take; absent where nothing limits it. */
  logLimit?: number;
}

export interface CertificateFacts {
  names: string[];
  issuer: string;
  from: string;
  until: string;
  /** Attempts to renew it that failed since one last did not. */
  failedAttempts?: number;
  lastError?: string;
}

/** Steps, where the embedded engine deployed the stack; else the command that tells, or why it is not known. */
export type Drift = { steps: { action: string; type: string; name: string; reason?: string }[] } | { ask: string } | { unknown: string };
