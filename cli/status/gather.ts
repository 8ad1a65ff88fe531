import manifest from '../../package.json' with { type: 'json' };
import { firewallState } from '../../host/firewall/state.ts';
import type { Config } from '../../infra/config.ts';
import { rolesOf } from '../../infra/roles.ts';
import { setsFirewall } from '../../infra/wanted.ts';
import type { EngineAddress } from '../docker.ts';
import { halfRestored } from '../keeping/half.ts';
import { type BackupRecord, parseRecord, RECORD } from '../keeping/record.ts';
import { describeCertificate } from './certificate.ts';
import { findDrift } from './drift.ts';
import { lookAtEdge } from './edge.ts';
import type { CertificateFacts, Facts, MachineFacts } from './facts.ts';
import { lookAtMachine, type Looked } from './machine.ts';

/** How each part says which version it is. */
const versionCommands = { keycloak: ['cat', '/opt/keycloak/version.txt'], database: ['postgres', '--version'], front: ['nginx', '-v'], server: ['node', '--version'], 'connector-1': ['cloudflared', 'version'] };
const programs = { keycloak: 'keycloak', database: 'postgres', front: 'nginx', server: 'node', 'connector-1': 'cloudflared' } as const;

type Run = (role: string, command: string[]) => Promise<string | undefined>;

/** All that can be known of a stack. Changes nothing. @param config undefined where it has no file here */
export async function gather(stack: string, engines: readonly EngineAddress[], config: Config | undefined, isOurs: boolean): Promise<Facts> {
  const [machines, drift] = await Promise.all([Promise.all(engines.map((engine) => lookAtMachine(stack, engine))), findDrift(stack, config, isOurs)]);
  // A role is on one machine. What it prints, on whichever stream.
  const run: Run = async (role, command) => {
    const printed = await Promise.all(machines.map((machine) => machine.run(role, command)));
    const found = printed.find((each) => each?.code === 0);
    return found && `${found.stdout}${found.stderr}`;
  };
  const [versions, certificate, backup, half, edge, described] = await Promise.all([
    versionsOf(run),
    certificateOf(run, machines),
    backupOf(run),
    halfRestoredOf(engines, machines),
    lookAtEdge(stack, config),
    Promise.all(machines.map((machine) => describe(machine, stack, config))),
  ]);
  const connectors = connectorsOf(described);
  return { stack, versions, machines: described, ...(connectors && { connectors }), ...(edge && { edge }), ...(certificate && { certificate }), ...(backup && { backup }), halfRestored: half, drift };
}

async function describe({ run: _run, log: _log, ...machine }: Looked, stack: string, config: Config | undefined): Promise<MachineFacts> {
  if (!config || machine.unreachable !== undefined) return machine;
  const expected = rolesOf(config);
  const roles = (['app', 'proxy'] as const).flatMap((part) => (config.deploy[part] === machine.machine ? expected[part] : []));
  const missing = roles.filter((role) => !machine.containers.some((container) => container.role === role));
  return { ...machine, missing, ...(roles.length > 0 && (await firewallOf(stack, machine.machine, config))) };
}

export async function firewallOf(stack: string, target: string, config: Config): Promise<Pick<MachineFacts, 'firewall'>> {
  if (!setsFirewall(config)) return {};
  // Loaded late: it brings Pulumi along.
  const { firewallOf: wanted } = await import('../../infra/firewall.ts');
  try {
    return { firewall: await firewallState(wanted(config, stack, target)) };
  } catch (error) {
    return { firewall: { unknown: (error as Error).message } };
  }
}

async function versionsOf(run: Run): Promise<Record<string, string>> {
  const found = await Promise.all(
    Object.entries(versionCommands).map(async ([role, command]) => {
      const version = /\d+(\.\d+)+/.exec((await run(role, command)) ?? '')?.[0];
      return version ? [[programs[role as keyof typeof programs], version]] : [];
    }),
  );
  return { drawbridge: manifest.version, ...(Object.fromEntries(found.flat()) as Record<string, string>) };
}

/** Healthy is one that the edge has accepted. */
function connectorsOf(machines: readonly MachineFacts[]): Facts['connectors'] {
  const isConnector = (role: string) => /^connector-\d$/.test(role);
  const found = machines.flatMap(({ containers }) => containers.filter(({ role }) => isConnector(role)));
  const missing = machines.flatMap((machine) => machine.missing.filter(isConnector));
  return found.length + missing.length > 0 ? { connected: found.filter(({ health }) => health === 'healthy').length, of: found.length + missing.length } : undefined;
}

async function certificateOf(run: Run, machines: readonly Looked[]): Promise<CertificateFacts | undefined> {
  const [pem, metrics = ''] = await Promise.all([run('front', ['cat', '/run/nginx/certificate/fullchain.pem']), run('front', ['cat', '/certificates/metrics'])]);
  if (!pem) return undefined;
  const logs = await Promise.all(machines.map(({ log }) => log('certificates')));
  return describeCertificate(pem, metrics, logs.join(''));
}

async function backupOf(run: Run): Promise<BackupRecord | undefined> {
  const record = await run('front', ['cat', RECORD]);
  return record === undefined ? undefined : parseRecord(record);
}

async function halfRestoredOf(engines: readonly EngineAddress[], machines: readonly Looked[]): Promise<string[]> {
  const found = machines.flatMap(({ containers }, index) => containers.filter(({ role }) => role === 'front').map(({ name }) => ({ engine: engines[index], container: name })));
  return found[0] ? halfRestored(found[0]) : [];
}
