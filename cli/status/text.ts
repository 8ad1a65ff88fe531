import { columns } from '../columns.ts';
import { plain } from '../../host/plain.ts';
import type { ContainerFacts, Facts, MachineFacts, Problem, Status } from './facts.ts';

/** A status for a person. Much of it is what containers and machines say of themselves. @param now milliseconds since 1970 */
export function statusLines({ stack, problems, versions, machines, connectors, edge, certificate, backup, drift }: Status, now: number): string[] {
  const names: Record<string, string> = { drawbridge: 'Drawbridge', keycloak: 'Keycloak', postgres: 'PostgreSQL', nginx: 'nginx', node: 'Node', cloudflared: 'cloudflared' };
  const day = (time: string): string => time.slice(0, 10);
  const lines = [
    ...machines.flatMap((machine) => [...machineLines(machine, now), '']),
    `Versions      ${Object.entries(versions).map(([part, version]) => `${names[part] ?? part} ${version}`).join(', ')}`,
    ...(connectors ? [`Connectors    ${connectors.connected} of ${connectors.of} connected to Cloudflare’s edge, which has the certificate`] : []),
    ...(edge ? [`Cloudflare    ${edgeText(edge)}`] : []),
    ...(connectors && !certificate ? [] : [`Certificate   ${certificate ? `${certificate.names.join(', ')}, from ${certificate.issuer}, until ${day(certificate.until)} (in ${duration(Date.parse(certificate.until) - now)})${certificate.failedAttempts ? `; ${certificate.failedAttempts} attempts to renew it failed: ${certificate.lastError ?? 'the log of certificates says why'}` : ''}` : 'none'}`]),
    `Last backup   ${backup ? `${duration(now - Date.parse(backup.created))} ago (${day(backup.created)}), ${size(backup.bytes)}, encrypted to ${backup.encryptedTo === 'keys' ? 'keys' : 'a passphrase'}` : 'none known'}`,
    `Drift         ${driftText(drift, stack)}`,
    '',
    ...(problems.length === 0 ? [`Stack ${stack} is well.`] : [`Stack ${stack} has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}:`, ...problems.flatMap(problemLines)]),
  ];
  return lines.map(plain);
}

const problemLines = ({ what, next }: Problem): string[] => [`  - ${what}`, `      ${next}`];

function machineLines({ machine, unreachable, docker, containers, missing, disk, volumes, firewall }: MachineFacts, now: number): string[] {
  if (unreachable !== undefined) return [`${machine}: ${unreachable}`];
  const logs = containers.reduce((sum, { logLimit }) => sum + (logLimit ?? Infinity), 0);
  const taken = [`volumes ${size(volumes.reduce((sum, { bytes }) => sum + bytes, 0))}`, Number.isFinite(logs) ? `logs at most ${size(logs)}` : 'logs without limit'];
  const about = [`Docker ${docker}`, ...(disk ? [`${size(disk.free)} of ${size(disk.total)} free`] : []), ...taken];
  const rows = containers.map((container) => containerCells(container, now)).concat(missing.map((role) => [role, 'is not there', '', '', '', '']));
  return [`${machine} (${about.join(', ')})`, ...columns(rows).map((line) => `  ${line}`), ...(firewall ? [`  firewall: ${firewallText(firewall)}`] : [])];
}

function containerCells({ role, name, state, health, since, restarts, memory, image }: ContainerFacts, now: number): string[] {
  const started = `${duration(now - Date.parse(since))}${restarts > 0 ? `, ${restarts} restarts` : ''}`;
  // With its place, where it has one: `docker logs` wants the whole name.
  const place = /-[ab]$/.exec(name)?.[0] ?? '';
  return [role.endsWith(place) ? role : `${role}${place}`, health && health !== 'healthy' ? health : state, started, memory ? `${size(memory.used)} of ${size(memory.limit)}` : '', image];
}

function firewallText(firewall: NonNullable<MachineFacts['firewall']>): string {
  if ('unknown' in firewall) return `not known: ${firewall.unknown}`;
  const { table, atStart, enforcers, opened } = firewall;
  const ports = enforcers.length === 0 ? 'nothing else enforces' : `${opened ? 'ports opened' : 'ports not all opened'} in ${enforcers.join(', ')}`;
  return `table ${table}, ${atStart ? 'comes back at a restart' : 'does not come back at a restart'}; ${ports}`;
}

function edgeText(edge: NonNullable<Facts['edge']>): string {
  if ('unknown' in edge) return `was not asked: ${edge.unknown}`;
  return edge.length === 0 ? 'lets clients in' : `${edge.length} findings`;
}

function driftText(drift: Facts['drift'], stack: string): string {
  if ('ask' in drift) return `\`${drift.ask}\` tells`;
  if ('unknown' in drift) return 'not known';
  return `${drift.steps.length === 0 ? 'none' : `${drift.steps.length} things`}; \`npm run drift -- --stack ${stack}\` looks closer: realm, front, DNS`;
}

function size(bytes: number): string {
  const [unit, name] = ([[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']] as const).find(([each]) => bytes >= each) ?? [1, 'bytes'];
  return `${(bytes / unit).toFixed(bytes / unit < 10 && unit > 1 ? 1 : 0)} ${name}`;
}

function duration(milliseconds: number): string {
  const [unit, name] = ([[86_400e3, 'days'], [3600e3, 'hours'], [60e3, 'minutes']] as const).find(([each]) => milliseconds >= 2 * each) ?? [1e3, 'seconds'];
  return `${Math.max(0, Math.floor(milliseconds / unit))} ${name}`;
}
