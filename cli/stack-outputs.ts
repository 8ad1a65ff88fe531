import type { outputs as readOutputs } from '../engine/index.ts';
import { readCaCertificate } from './ca-certificate.ts';

type Outputs = Record<string, unknown>;
type StackState = Awaited<ReturnType<typeof readOutputs>>;

/** What a person needs of a stack's outputs to connect. */
export interface Connection {
  /** Server name → URL of the MCP endpoint. */
  servers: Record<string, string>;
  /** Only in profiles `local` and `preview`. */
  user?: { username: string; password: string };
  /** PEM, only where the CA is not publicly trusted. */
  caCertificate?: string;
}

/**
 * A stack's outputs, with the CA certificate that is read from the running front.
 * @returns undefined where there is no such stack
 */
export async function completeOutputs(stack: string, state: StackState): Promise<Outputs | undefined> {
  if (!state) return undefined;
  const caCertificate = await readCaCertificate(stack);
  return caCertificate === undefined ? state.outputs : { ...state.outputs, caCertificate };
}

export function connectionOf(outputs: Outputs): Connection {
  const { resources = {}, testUser, caCertificate } = outputs as {
    resources?: Record<string, { url: string }>;
    testUser?: Connection['user'];
    caCertificate?: string;
  };
  return {
    servers: Object.fromEntries(Object.entries(resources).map(([name, { url }]) => [name, url])),
    ...(testUser && { user: testUser }),
    ...(caCertificate && { caCertificate }),
  };
}

/** Every output as `name  value`; what is nested gets a dotted name. A certificate is named, not printed. */
export function outputLines(outputs: Outputs): string[] {
  const rows = Object.entries(outputs).flatMap(([name, value]) => flatten(name, value));
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

function flatten(name: string, value: unknown): [string, string][] {
  if (typeof value === 'string') return [[name, value.includes('\n') ? `(${value.split('\n')[0]}; print it with: npm run --silent outputs -- ${name})` : value]];
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return [[name, Array.isArray(value) ? value.join(' ') : String(value)]];
  return Object.entries(value).flatMap(([key, nested]) => flatten(`${name}.${key}`, nested));
}
