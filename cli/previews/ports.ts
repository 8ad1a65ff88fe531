import type { Config } from '../../infra/config.ts';
import { UsageError } from '../errors.ts';
import { isTaken } from '../ports.ts';
import type { PreviewRecord } from './record.ts';

/** What previews of one template must not share on their machine: the port of a front of profile local, or the first of those behind any other front. */
export type PreviewPorts = Pick<PreviewRecord, 'localPort' | 'firstPort'>;

/** From one stack's first port to the next one's: more than a stack has. */
const APART = 20;
/** From here on Linux gives ports to whoever connects somewhere, and with them it may be too late to listen. */
const EPHEMERAL = 32_768;

/** The ports that it has, or else the first ones after its template's that no other preview has. */
export async function portsFor(template: Config, before: PreviewRecord | undefined, others: () => Promise<readonly PreviewPorts[]>): Promise<PreviewPorts> {
  if (template.profile === 'local') return { localPort: before?.localPort ?? (await freeLocalPort(template.localPort, new Set((await others()).map(({ localPort }) => localPort)))) };
  return { firstPort: before?.firstPort ?? freeFirstPort(template.firstPort, new Set((await others()).map(({ firstPort }) => firstPort))) };
}

async function freeLocalPort(templatePort: number, noted: ReadonlySet<number | undefined>): Promise<number> {
  for (let port = templatePort + 1; port <= 65_535; port++) if (!noted.has(port) && !(await isTaken(port))) return port;
  throw new UsageError(`No port above ${templatePort} is free.`);
}

/** Whether programs of others listen there is found when it is deployed: that may be to another machine. */
function freeFirstPort(templatePort: number, noted: ReadonlySet<number | undefined>): number {
  for (let port = templatePort + APART; port + APART <= EPHEMERAL; port += APART) if (!noted.has(port)) return port;
  throw new UsageError(`No ${APART} ports from ${templatePort} to ${EPHEMERAL} are left for another preview: take one down.`);
}
