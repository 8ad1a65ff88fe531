import type { outputs as readOutputs } from '../engine/index.ts';
import { keycloakOf } from '../infra/config/authorization-server.ts';
import { readCaCertificate } from './ca-certificate.ts';
import { hasStackFile, readStackConfig } from './stack-file.ts';
import { stackOption } from './stack-name.ts';

type Outputs = Record<string, unknown>;
type StackState = Awaited<ReturnType<typeof readOutputs>>;

/** What a person needs of a stack's outputs to connect. */
export interface Connection {
  /** Server name → URL of the MCP endpoint. */
  servers: Record<string, string>;
  /** How callers show who they are. */
  auth: 'oauth' | 'bearer' | 'none';
  /** The token that the stack made itself, with `bearer` and no token of the config's. */
  bearerToken?: string;
  /** Only with a Keycloak, in profiles `local` and `preview`. */
  user?: { username: string; password: string };
  /** Identity provider → where it sends people back to, which it has to be told. */
  callbackUrls?: Record<string, string>;
  /** PEM, only where the CA is not publicly trusted. */
  caCertificate?: string;
}

/**
 * A stack's outputs, with the CA certificate that is read from the running front.
 * @returns undefined where there is no such stack
 */
export async function completeOutputs(stack: string, state: StackState): Promise<Outputs | undefined> {
  if (!state) return undefined;
  // It is for other stacks, which read it themselves, and for nobody's eyes.
  const { previewsSecret: _, ...outputs } = state.outputs;
  const caCertificate = await caCertificatesOf(stack);
  return caCertificate === undefined ? outputs : { ...outputs, caCertificate };
}

/** PEM of the CA behind its front, and where it has its realm in the Keycloak of another stack, of the one behind that one's. */
async function caCertificatesOf(stack: string): Promise<string | undefined> {
  const other = hasStackFile(stack) ? keycloakOf(readStackConfig(stack).authorizationServer) : undefined;
  const found = await Promise.all([stack, ...(other ? [other] : [])].map(readCaCertificate));
  return found.some((pem) => pem !== undefined) ? found.join('') : undefined;
}

export function connectionOf(outputs: Outputs): Connection {
  const { resources = {}, auth = 'oauth', bearerToken, testUser, identityProviders = {}, caCertificate } = outputs as {
    resources?: Record<string, { url: string }>;
    auth?: Connection['auth'];
    bearerToken?: string;
    testUser?: Connection['user'];
    identityProviders?: Record<string, { callbackUrl: string }>;
    caCertificate?: string;
  };
  return {
    servers: Object.fromEntries(Object.entries(resources).map(([name, { url }]) => [name, url])),
    auth,
    ...(bearerToken && { bearerToken }),
    ...(testUser && { user: testUser }),
    callbackUrls: Object.fromEntries(Object.entries(identityProviders).map(([alias, { callbackUrl }]) => [alias, callbackUrl])),
    ...(caCertificate && { caCertificate }),
  };
}

/** Every output as `name  value`; what is nested gets a dotted name. What has several lines is named, not printed. */
export function outputLines(outputs: Outputs, stack: string): string[] {
  const rows = Object.entries(outputs).flatMap(([name, value]) => (isText(value) ? [[name, `(print it with: ${outputCommand(stack, name)})`] as [string, string]] : flatten(name, value)));
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** Prints one output, for a file or a pipe. */
export const outputCommand = (stack: string, name: string): string => `npm run --silent outputs${stackOption(stack) || ' --'} ${name}`;

const isText = (value: unknown) => typeof value === 'string' && value.includes('\n');

function flatten(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return [[name, value.join(' ')]];
  if (typeof value !== 'object' || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([key, nested]) => flatten(`${name}.${key}`, nested));
}
