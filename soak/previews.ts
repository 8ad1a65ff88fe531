import { rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { listStack } from '../cli/docker.ts';
import type { Receipt } from '../cli/previews/receipt.ts';
import { forEach } from '../cli/previews/sweeping.ts';
import { projectDirectory } from '../cli/stack-file.ts';
import { count } from '../cli/standing-stack.ts';
import { killedCommand } from '../test/support/killed-command.ts';
import { npmRun, printed } from '../test/support/npm-run.ts';
import type { Findings } from './findings.ts';

const MANY = 20;
/** Brought up at the same time: each wants a processor for some seconds, and so does the Keycloak that they share. */
const AT_ONCE = availableParallelism();
/** Several clones on one machine each need ports of their own. */
const port = Number(process.env.DRAWBRIDGE_TEST_PORT ?? 18_470);
const shared = 'pr-soak-shared';
const stackFile = join(projectDirectory, `Pulumi.${shared}.yaml`);
const names = Array.from({ length: MANY }, (_, index) => `pr-soak-${index + 1}`);

/**
 * Twenty previews at once, with their realms in one Keycloak. Ten are taken down at the same time, of which one run is killed in the
 * middle; the sweep takes the rest. What the receipts say is compared with what the engine has.
 */
export async function soakPreviews(): Promise<Findings> {
  await clear();
  try {
    console.error('standing up the stack that they share');
    writeFileSync(stackFile, `config:\n  drawbridge:profile: local\n  drawbridge:localPort: ${port}\n  drawbridge:previewRealms: true\n`);
    await printed('up', '--stack', shared, '--yes');
    const failures: string[] = [];
    const start = performance.now();
    const seconds = await upAll(failures);
    const untilAll = since(start);
    const memory = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await memoryOf(name)] as const)));
    const keycloakMemory = await memoryOf(shared, 'keycloak');
    const listed = JSON.parse(await printed('preview', 'list', '--json')) as { name: string; state: string; url: string }[];
    const standing = listed.filter(({ name, state }) => names.includes(name) && state === 'stands');
    if (standing.length !== MANY) failures.push(`${standing.length} of ${MANY} previews stand`);
    if (new Set(standing.map(({ url }) => url)).size !== standing.length) failures.push('two previews have the same URL');
    const [ten, rest] = [names.slice(0, MANY / 2), names.slice(MANY / 2)];
    const downStart = performance.now();
    await downAll(ten, failures);
    const untilDown = since(downStart);
    const sweepStart = performance.now();
    await sweep(rest, failures);
    const untilSwept = since(sweepStart);
    return {
      figures: {
        'previews at once': standing.length,
        'seconds until all stand': untilAll,
        ...perPreview('seconds', seconds),
        ...perPreview('MB', memory),
        'MB of the Keycloak that they share': keycloakMemory,
        'seconds until ten are gone, one killed in the middle': untilDown,
        'seconds until the sweep has taken the rest': untilSwept,
      },
      failures,
    };
  } finally {
    await clear();
    rmSync(stackFile, { force: true });
  }
}

async function upAll(failures: string[]): Promise<Record<string, number>> {
  const seconds: Record<string, number> = {};
  await forEach(names, AT_ONCE, async (name) => {
    const start = performance.now();
    const { code, stderr } = await npmRun('preview', 'up', '--name', name, '--from', shared, '--share-keycloak', shared, '--json');
    seconds[name] = since(start);
    console.error(`${name}: ${code === 0 ? 'stands' : 'FAILED'} after ${seconds[name]} s`);
    if (code !== 0) failures.push(`${name} did not come up: ${stderr.trim().split('\n').slice(-5).join(' ')}`);
  });
  return seconds;
}

/** All at once; one run is killed at its first removal, and somebody takes that preview down once more. */
async function downAll(ten: readonly string[], failures: string[]): Promise<void> {
  const before = new Map(await Promise.all(ten.map(async (name) => [name, await listStack(name, [undefined])] as const)));
  const [unlucky, ...others] = ten as [string, ...string[]];
  const down = async (name: string) => checkReceipt(JSON.parse(await printed('preview', 'down', '--name', name, '--json')) as Receipt, before.get(name)!, failures);
  const results = await Promise.allSettled([killedCommand(['preview', 'down', '--name', unlucky], /removed container/), ...others.map(down)]);
  for (const result of results) if (result.status === 'rejected') failures.push((result.reason as Error).message);
  if (count(await listStack(unlucky, [undefined])) === 0) failures.push(`the run that was killed had removed all of ${unlucky}: it proves nothing`);
  await down(unlucky);
}

/** Whether a receipt has all that the engine had, and the engine has nothing of it any more. */
async function checkReceipt({ name, removed, left }: Receipt, before: Awaited<ReturnType<typeof listStack>>, failures: string[]): Promise<void> {
  for (const kind of ['containers', 'networks', 'volumes', 'images'] as const) {
    const missing = before[kind].filter((part) => !removed[kind].includes(part));
    if (missing.length > 0) failures.push(`the receipt of ${name} lacks ${missing.join(', ')}`);
  }
  if (removed.realms.length !== 1) failures.push(`the receipt of ${name} names ${removed.realms.length} realms`);
  const found = await listStack(name, [undefined]);
  if (count(found) > 0 || Object.values(left).flat().length > 0) failures.push(`of ${name} are left: ${[...Object.values(found), ...Object.values(left)].flat().join(', ')}`);
}

async function sweep(rest: readonly string[], failures: string[]): Promise<void> {
  const { swept } = JSON.parse(await printed('preview', 'sweep', '--older-than', '1s', '--json')) as { swept: { name: string }[] };
  const missed = rest.filter((name) => !swept.some((each) => each.name === name));
  if (missed.length > 0) failures.push(`the sweep left ${missed.join(', ')}`);
  for (const name of rest) if (count(await listStack(name, [undefined])) > 0) failures.push(`after the sweep, parts of ${name} are left`);
}

/** Megabytes that its containers use, without the file cache, which the kernel takes back when it needs it. @param role of one container; default all */
async function memoryOf(stack: string, role = ''): Promise<number> {
  const docker = new Docker();
  const { containers } = await listStack(stack, [undefined]);
  const used = await Promise.all(
    containers.filter((name) => name.endsWith(role)).map(async (name) => {
      const { memory_stats: memory } = await docker.getContainer(name).stats({ stream: false, 'one-shot': true });
      return (memory.usage ?? 0) - (memory.stats?.inactive_file ?? 0);
    }),
  );
  return Math.round(used.reduce((sum, bytes) => sum + bytes, 0) / 1e6);
}

/** A previous soak that was killed may have left its previews. */
async function clear(): Promise<void> {
  const left = (JSON.parse(await printed('preview', 'list', '--json')) as { name: string }[]).filter(({ name }) => names.includes(name));
  await forEach(left, AT_ONCE, ({ name }) => npmRun('preview', 'down', '--name', name));
  await npmRun('down', '--stack', shared, '--yes');
}

const since = (start: number): number => Math.round((performance.now() - start) / 100) / 10;

const perPreview = (unit: string, values: Readonly<Record<string, number>>) => Object.fromEntries(names.map((name) => [`  ${unit}: ${name}`, values[name] ?? 0]));
