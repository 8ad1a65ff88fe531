import type Cloudflare from 'cloudflare';
import type { Zone } from 'cloudflare/resources/zones/zones';
import { CloudflareError } from '../api.ts';
import { notOurs } from '../dns/change.ts';
import { foreignOf } from '../dns/plan.ts';
import { inWords, recordsAt, recordsOf } from '../dns/records.ts';
import { noRoom, readEntryPoint } from '../rules/entry-point.ts';
import { PHASES } from '../rules/wanted.ts';
import { freeName } from '../tunnel/free-name.ts';
import { isUnused, type Tunnel, tunnelName, tunnelsOf } from '../tunnel/tunnels.ts';
import { zoneNamed } from '../zone.ts';
import { nameProblems } from './names.ts';
import { permissionProblems } from './permissions.ts';
import { tokenProblem } from './token.ts';
import type { Wanted } from './wanted.ts';
import { zoneProblems } from './zone.ts';

/** What an earlier run said of itself, and is kept in the state. */
export interface Prepared {
  readonly zone: string;
  readonly accountId: string;
  /** The tunnel’s name, if it was found free: whatever has it since is the stack’s. */
  readonly tunnel?: string;
}

export interface Before {
  /** A tunnel of the stack's name that was never configured; `''`: there is none. */
  readonly stray: string;
  /** None: nothing was ever prepared. */
  readonly prepared?: Prepared;
}

/**
 * Finds all that keeps the stack from standing in this account, before anything is made, and frees the tunnel's name.
 * @throws CloudflareError that names everything that is wrong, each with its remedy
 */
export async function prepare(api: Cloudflare, wanted: Wanted, before: Before): Promise<Prepared> {
  const problems = await findProblems(api, wanted, before);
  if (problems.length > 0) throw new CloudflareError(['Cloudflare is not ready; nothing was changed:', ...problems.map((problem) => `  - ${problem}`)].join('\n'));
  const { zone, accountId } = wanted;
  // A change of tiers may have failed half-way, with the tunnel still there.
  if (wanted.tier === 'host') return { ...before.prepared, zone, accountId };
  await freeName(api, wanted, before.stray);
  return { zone, accountId, tunnel: tunnelName(wanted.stack) };
}

/** What keeps the stack from standing there, each with its remedy; none where nothing does. Changes nothing. */
export async function findProblems(api: Cloudflare, wanted: Wanted, before: Before): Promise<string[]> {
  const moved = moveProblem(wanted, before.prepared);
  if (moved) return [moved];
  const names = nameProblems(wanted);
  const token = await tokenProblem(api, wanted.accountId);
  if (token) return [...names, token];
  const zone = await zoneNamed(api, wanted.zone, wanted.accountId);
  // With the wrong account every permission on it would seem to be missing.
  const rightAccount = !zone || zone.account.id === wanted.accountId;
  const found = await Promise.all([
    zoneProblems(zone, wanted),
    permissionProblems(api, wanted, { ...(rightAccount && { account_id: wanted.accountId }), ...(zone && { zone_id: zone.id }) }),
    zone ? unlessDenied(recordProblems(api, wanted, zone.id, before)) : [],
    zone && wanted.tier === 'tunnel' ? ruleProblems(api, wanted, zone) : [],
    wanted.tier === 'tunnel' && rightAccount ? unlessDenied(tunnelProblems(api, wanted, before)) : [],
  ]);
  return [...names, ...found.flat()];
}

/** What is in another zone or account would be out of reach of the programs that are to remove it. */
function moveProblem({ stack, zone, accountId }: Wanted, prepared: Prepared | undefined): string | undefined {
  if (!prepared || (prepared.zone === zone && prepared.accountId === accountId)) return undefined;
  return `what the stack ${stack} has at Cloudflare is in the zone ${prepared.zone} of the account ${prepared.accountId}, and cannot move to ${zone} of ${accountId}: set those again and remove it there (\`up\` in tier host without drawbridge:cloudflare, or destroy the stack), and then set these`;
}

async function recordProblems(api: Cloudflare, { stack, hosts, adoptDns }: Wanted, zoneId: string, { prepared }: Before): Promise<string[]> {
  const records = await recordsAt(api, zoneId, hosts);
  // Of a stack of the same name that somebody else has: all that bears its mark would be taken for this one's, and removed.
  const elsewhere = prepared ? [] : (await recordsOf(api, zoneId, stack)).filter(({ id }) => !records.some((record) => record.id === id));
  const others = elsewhere.map((record) => `${inWords(record)} is of another stack that is called ${stack} as well: give this one another name, or delete that record if nobody needs it (DNS → Records)`);
  // DNS, "Shadowed records": nobody is told what stands beside them.
  const delegations = records.filter(({ type }) => type === 'NS').map(({ name, content }) => `${name} is delegated to other name servers (NS ${content}), so that records beside it are not seen: delete that one, or use another name`);
  return [...delegations, ...others, ...(adoptDns ? [] : foreignOf(stack, hosts, records).map(notOurs))];
}

async function ruleProblems(api: Cloudflare, { stack, rules }: Wanted, zone: Zone): Promise<string[]> {
  const full = PHASES.filter((phase) => phase === 'http_request_cache_settings' || rules).map((phase) =>
    unlessDenied(readEntryPoint(api, zone, phase).then((standing) => (standing && noRoom(zone, phase, standing, stack)) ?? [])),
  );
  return (await Promise.all(full)).flat();
}

async function tunnelProblems(api: Cloudflare, { stack, accountId }: Wanted, { stray, prepared }: Before): Promise<string[]> {
  if (prepared?.tunnel === tunnelName(stack)) return [];
  const taken = (await tunnelsOf(api, accountId, stack)).find(({ name }) => name === tunnelName(stack));
  if (!taken || (taken.id === stray && (await isUnused(api, accountId, taken)))) return [];
  return [takenBy(taken)];
}

const takenBy = ({ name, created, status }: Tunnel): string =>
  `there is a tunnel ${name} already that this stack did not make (made ${created.slice(0, 10)}, ${status}): give the stack another name, or delete the tunnel if nobody needs it (Zero Trust dashboard → Networks → Tunnels)`;

/** What the token may not read is missing from its permissions, and named there. */
async function unlessDenied(problems: Promise<string | string[]>): Promise<string | string[]> {
  try {
    return await problems;
  } catch (error) {
    if (error instanceof CloudflareError && (error.denied || error.status === 404)) return [];
    throw error;
  }
}
