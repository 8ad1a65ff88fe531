import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Deployer } from '../../deployers/deployer.ts';
import { firewallState } from '../../host/firewall/state.ts';
import { tableName } from '../../host/firewall/wanted.ts';
import type { Config } from '../../infra/config.ts';
import { setsFirewall } from '../../infra/wanted.ts';
import { type EngineAddress, listStack } from '../docker.ts';
import { hasStackFile, projectDirectory, stateDirectory } from '../stack-file.ts';
import { atCloudflare } from './at-cloudflare.ts';
import { realmOf } from './changes.ts';
import { realmStands } from './realm.ts';
import type { PreviewRecord } from './record.ts';

export const kinds = ['containers', 'networks', 'volumes', 'images', 'firewall', 'dns', 'tunnels', 'realms', 'files', 'stack'] as const;

/** All that there is of a preview, anywhere: names by kind. `stack` is what the one that deploys knows of it. */
export type Parts = Readonly<Record<(typeof kinds)[number], readonly string[]>>;

export interface Subject {
  readonly name: string;
  readonly deployer: Deployer;
  readonly engines: readonly EngineAddress[];
  /** Undefined where nothing is noted of it. */
  readonly record: PreviewRecord | undefined;
  /** Undefined where its file is gone already, or wrong. */
  readonly config: Config | undefined;
}

export interface Found {
  readonly parts: Parts;
  /** What could not be looked at, each with what to do about it. */
  readonly unchecked: readonly string[];
}

/** Looks at the engines, firewalls, the account at Cloudflare, the shared Keycloak and the disk themselves: what a state says is not asked. */
export async function findParts(subject: Subject): Promise<Found> {
  const { name, engines, record, config, deployer } = subject;
  const [objects, firewall, cloudflare, realms, stacks] = await Promise.all([listStack(name, engines), firewallTables(name, config), atCloudflare(name, config?.cloudflare, hasStackFile(name) ? name : record?.template), realmsOf(name, record), deployer.list()]);
  const { unchecked: atTheEdge, ...edge } = cloudflare;
  const unchecked = [...(record && !config ? [`its machines, their firewalls, and Cloudflare: there is no Pulumi.${name}.yaml here, and no Pulumi.${record.template}.yaml that says where it was`] : []), ...atTheEdge];
  const parts = { ...objects, firewall, ...edge, realms, files: filesOf(name), stack: stacks.some((stack) => stack.name === name) ? [name] : [] };
  return { parts, unchecked };
}

const filesOf = (name: string): string[] => [...['json', 'key', 'lock', 'preview'].map((kind) => join(stateDirectory, `${name}.${kind}`)), join(projectDirectory, `Pulumi.${name}.yaml`)].filter((path) => existsSync(path));

async function realmsOf(name: string, record: PreviewRecord | undefined): Promise<string[]> {
  if (!record?.keycloakOf || !record.issuer) return [];
  return (await realmStands(record.issuer, record.keycloakOf)) ? [`${realmOf(name)} (${record.keycloakOf})`] : [];
}

async function firewallTables(name: string, config: Config | undefined): Promise<string[]> {
  if (!config || !setsFirewall(config)) return [];
  // Loaded late: it brings Pulumi along.
  const { firewallOf } = await import('../../infra/firewall.ts');
  const targets = [...new Set([config.deploy.app, config.deploy.proxy])];
  const states = await Promise.all(targets.map((target) => firewallState(firewallOf(config, name, target))));
  return targets.flatMap((target, index) => (states[index]!.table === 'missing' ? [] : [`${tableName(name)} (${target})`]));
}
