import { LEAST_SPACE } from '../../host/checks.ts';
import { dockerWords } from '../docker.ts';
import type { CertificateFacts, ContainerFacts, Facts, MachineFacts, Problem } from './facts.ts';

/** How a person mends a stack. */
export interface Remedies {
  /** What brings it to what its config says: `npm run up`, `pulumi up --refresh`. */
  up: string;
  /** What sets its firewalls anew. */
  firewall: string;
  /** What puts a backup back. */
  restore: string;
}

/** Renewal is due with a third of the lifetime left; some of it is the ACME client's to try in. */
const OVERDUE = 0.3;

/** Everything that is wrong, each with what to do about it. @param now milliseconds since 1970 */
export function judge({ machines, connectors, edge, certificate, halfRestored, drift }: Facts, remedies: Remedies, now: number): Problem[] {
  const proxy = machines.find(({ containers, missing }) => containers.some(({ role }) => role === 'front') || missing.includes('front'));
  const front = proxy?.containers.find(({ role }) => role === 'front');
  return [
    ...machines.flatMap((machine) => judgeMachine(machine, remedies)),
    ...(connectors?.connected === 0 ? [{ what: 'no connector of the tunnel is connected: Cloudflare’s edge has nowhere to bring calls', next: logOf(machines, 'connector-1') ?? remedies.up }] : []),
    ...(front?.state === 'running' && (certificate || !connectors) ? judgeCertificate(certificate, `${wordsFor(proxy!)} logs --tail 5 ${front.name.replace(/front(-[ab])?$/, 'certificates')}`, now) : []),
    ...(edge && !('unknown' in edge) ? edge.map(({ problem, remedy }) => ({ what: problem, next: remedy })) : []),
    ...halfRestored.map((role) => ({ what: `a restore ended before it had put back all of ${role}`, next: remedies.restore })),
    ...('steps' in drift && drift.steps.length > 0 ? [{ what: `it is not as its config says: ${drift.steps.map(({ action, name, reason }) => `${action} ${name}${reason ? ` (${reason})` : ''}`).join(', ')}`, next: remedies.up }] : []),
    ...('unknown' in drift ? [{ what: `whether it is as its config says is not known: ${drift.unknown}`, next: remedies.up }] : []),
  ];
}

/** What shows the end of a container's log; none where there is no such container. */
function logOf(machines: readonly MachineFacts[], role: string): string | undefined {
  const machine = machines.find(({ containers }) => containers.some((each) => each.role === role));
  return machine && `${wordsFor(machine)} logs --tail 5 ${machine.containers.find((each) => each.role === role)!.name}`;
}

const wordsFor = ({ machine }: MachineFacts): string => dockerWords(machine === 'local' ? undefined : machine);

function judgeMachine(machine: MachineFacts, { up, firewall: setFirewall }: Remedies): Problem[] {
  const { unreachable, missing, containers, disk, firewall } = machine;
  const problem = (what: string, next: string): Problem => ({ what: `${machine.machine}: ${what}`, next });
  if (unreachable !== undefined) return [problem(`it could not be looked at: ${unreachable}`, 'put that right, and ask again')];
  const problems = [
    ...missing.map((role) => problem(`there is no container ${role}`, up)),
    ...containers.flatMap((container) => judgeContainer(container, wordsFor(machine), up).map(({ what, next }) => problem(what, next))),
  ];
  if (disk && disk.free < LEAST_SPACE) problems.push(problem(`its disk is nearly full: ${(disk.free / 1e9).toFixed(1)} GB are free where Docker keeps its data`, '`docker system df` there shows what Docker holds, `docker system prune` removes what nothing uses'));
  if (firewall && 'table' in firewall) {
    if (firewall.table !== 'in force') problems.push(problem(`the stack’s table of nftables is ${firewall.table}: containers may be reachable past the front`, setFirewall));
    if (!firewall.atStart) problems.push(problem('the firewall’s unit is not enabled: after a restart of the machine containers may be reachable past the front', setFirewall));
    if (!firewall.docker) problems.push(problem('Docker’s own rules are gone (somebody flushed them), so that containers reach nothing outside', 'there, as root: systemctl restart docker'));
    if (firewall.surplus) problems.push(problem('ports are still opened there that the stack does not need any more', setFirewall));
    if (!firewall.opened) problems.push(problem(`not all of the stack’s ports are opened in what enforces there (${firewall.enforcers.join(', ')})`, setFirewall));
  }
  return problems;
}

function judgeContainer({ role, name, state, health, said, exitCode, since, comesBack, logLimit }: ContainerFacts, docker: string, up: string): Problem[] {
  const log = `${docker} logs --tail 20 ${name}`;
  if (state === 'restarting') return [{ what: `${role} ends again and again`, next: log }];
  if (state !== 'running') return [{ what: `${role} does not run (${state}${exitCode === undefined ? '' : ` with ${exitCode}`} since ${since})`, next: `${log}, then ${up}` }];
  if (health === 'unhealthy') return [{ what: `${role} is unhealthy${said ? `: ${said}` : ''}`, next: log }];
  if (health === 'starting') return [{ what: `${role} is still starting`, next: `ask again in a minute, or ${log}` }];
  if (!comesBack) return [{ what: `${role} would not start again with its machine`, next: `${docker} update --restart unless-stopped ${name}` }];
  if (logLimit === undefined) return [{ what: `nothing limits the log of ${role}, which may fill the disk`, next: up }];
  return [];
}

/** Whether a certificate should have been renewed by now. Milliseconds since 1970. */
export const isOverdue = (from: number, until: number, now: number): boolean => until - now <= OVERDUE * (until - from);

function judgeCertificate(certificate: CertificateFacts | undefined, log: string, now: number): Problem[] {
  if (!certificate) return [{ what: 'the front serves no certificate', next: log }];
  const { names, from, until, failedAttempts = 0, lastError } = certificate;
  const left = Date.parse(until) - now;
  if (!isOverdue(Date.parse(from), Date.parse(until), now)) return [];
  const tried = failedAttempts > 0 ? `; ${failedAttempts} attempts to renew it failed${lastError ? `, the last one since: ${lastError}` : ''}` : '';
  return [{ what: `the certificate of ${names.join(', ')} ${left > 0 ? 'is overdue for renewal, and expires' : 'expired'} at ${until}${tried}`, next: log }];
}
