import { execFileSync } from 'node:child_process';
import { CommandError } from '../../cli/errors.ts';
import { aimed, type Figure, against, megabytes, milliseconds, requestsPerSecond } from '../figure.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { checkOne, type Era, type Load, load } from './load.ts';
import { warnWhereBusy } from './quiet.ts';
import { measureStreams } from './streams.ts';

const ROUNDS = 5;
const SECONDS = 2;
const WARM_UP_SECONDS = 8;

const backends = [
  { name: 'trivial backend', program: 'trivial-backend.ts' },
  { name: 'SDK backend', program: 'sdk-backend.ts' },
] as const;
const loads: readonly { era: Era; connections: number }[] = [
  { era: '2026-07-28', connections: 64 },
  { era: '2026-07-28', connections: 8 },
  { era: '2025-06-18', connections: 64 },
];

/** What the guard costs: the same calls to the same backend, bare, through the gateway, through nginx, and through other gateways. */
export async function measureGateway(): Promise<Figure[]> {
  needsProgram('wrk', ['-v'], 'apt-get install wrk');
  needsProgram('nginx', ['-v'], 'apt-get install nginx');
  // Whatever ends this process ends what it started.
  process.once('SIGTERM', () => process.exit(143));
  await warnWhereBusy();
  const figures: Figure[] = [];
  const goals: Figure[] = [];
  for (const backend of backends) {
    const candidates = await Candidates.start(backend.program);
    try {
      for (const candidate of candidates.all) {
        for (const { era } of loads) await checkOne(candidate, era);
        await load(candidate, '2026-07-28', 64, WARM_UP_SECONDS);
      }
      for (const { era, connections } of loads) {
        console.error(`${backend.name}, ${era}, ${connections} connections …`);
        const measured = await inTurns(candidates.all, era, connections);
        const title = `${backend.name}, ${era}, ${connections} connections`;
        figures.push(
          ...candidates.all.flatMap(({ name }) => compared(`${title}: ${name}`, measured.get(name)!, name === 'bare' ? undefined : measured.get('bare'))),
        );
        if (era === '2026-07-28') goals.push(...goalsOf(backend.name, connections, measured));
      }
      figures.push(
        ...candidates.all.filter(({ name }) => name !== 'bare').map(({ name, memory }) => megabytes(`${backend.name}, memory after that: ${name}`, memory())),
      );
    } finally {
      await candidates.stop();
    }
  }
  return [...figures, ...(await measureStreams()), ...goals];
}

/** Each candidate in turn, several times, and the median of each figure: what else the machine does then meets all of them. */
async function inTurns(candidates: readonly Candidate[], era: Era, connections: number): Promise<ReadonlyMap<string, Load>> {
  const seen = new Map(candidates.map(({ name }) => [name, [] as Load[]]));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const candidate of candidates) seen.get(candidate.name)!.push(await load(candidate, era, connections, SECONDS));
  return new Map(candidates.map(({ name }) => [name, medians(seen.get(name)!)]));
}

function medians(loads: readonly Load[]): Load {
  const median = (of: (load: Load) => number) => loads.map(of).sort((one, other) => one - other)[Math.floor(loads.length / 2)]!;
  return { perSecond: median(({ perSecond }) => perSecond), p50: median(({ p50 }) => p50), p99: median(({ p99 }) => p99) };
}

function compared(name: string, measured: Load, bare?: Load): Figure[] {
  const figures = ({ perSecond, p50, p99 }: Load) => [requestsPerSecond(name, perSecond), milliseconds(`${name}, p50`, p50), milliseconds(`${name}, p99`, p99)];
  return figures(measured).map((figure, index) => (bare ? against(figure, figures(bare)[index]!) : figure));
}

function goalsOf(backend: string, connections: number, measured: ReadonlyMap<string, Load>): Figure[] {
  const gateway = measured.get('gateway')!;
  const faster = (than: string, least: number): Figure[] => {
    const other = measured.get(than);
    if (!other) return [];
    const figure = requestsPerSecond(`goal: ${backend}, gateway against ${than}`, gateway.perSecond);
    return [aimed(against(figure, requestsPerSecond('', other.perSecond)), `at least ${least} ×`, gateway.perSecond >= least * other.perSecond)];
  };
  if (connections === 8) {
    const more = gateway.p50 - measured.get('nginx')!.p50;
    return backend === 'trivial backend' ? [aimed(milliseconds('goal: 8 connections, p50 more than nginx', more), 'at most 0.5 ms', more <= 0.5)] : [];
  }
  return backend === 'SDK backend' ? faster('bare', 0.9) : [...faster('sigbit', 2), ...faster('babs', 1), ...faster('nginx', 0.4)];
}

function needsProgram(program: string, args: readonly string[], remedy: string): void {
  try {
    execFileSync(program, args, { stdio: 'ignore', env: { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` } });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new CommandError(`The bench needs ${program}, which is not installed.`, [remedy]);
  }
}
