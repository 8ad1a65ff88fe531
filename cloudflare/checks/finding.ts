import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import type { HostPath } from '../rules/wanted.ts';

/** Something that keeps clients out, and what to do about it. */
export interface Finding {
  readonly check: 'zone' | 'dns' | 'tunnel' | 'certificate' | 'bots' | 'cache' | 'edge';
  readonly problem: string;
  readonly remedy: string;
}

/** What is looked at. */
export interface Subject {
  readonly api: Cloudflare;
  readonly stack: string;
  readonly accountId: string;
  /** Its name. */
  readonly zone: string;
  /** The stack's public names. */
  readonly hosts: readonly string[];
  /** MCP endpoints. */
  readonly servers: readonly HostPath[];
  /** What else anyone may GET: metadata and keys. */
  readonly documents: readonly HostPath[];
  /** Whether only some may call, of which this machine need not be one. */
  readonly restricted: boolean;
  /** How to get to the public names; another one where they lead to a simulation of Cloudflare's edge. */
  readonly fetch?: typeof globalThis.fetch;
}

/** With what was found out for all checks. */
export interface Looked extends Subject {
  readonly found: Zone;
}
