import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Docker from 'dockerode';
import { down, type EngineEvent, type StackOptions, up } from '../engine/index.ts';
import { firstToolCall } from './first-tool-call.ts';
import { type Figure, megabytes, seconds, timed } from './figure.ts';

const projectDirectory = join(import.meta.dirname, '..');
const docker = new Docker();
const steps: Figure[] = [];

const stack: StackOptions = {
  projectDirectory,
  stack: 'bench',
  stateDirectory: join(projectDirectory, '.drawbridge/bench'),
  config: { 'drawbridge:profile': 'local', 'drawbridge:localPort': 18445 },
  onEvent: (event: EngineEvent) => {
    if (event.kind !== 'finished' || event.action === 'same' || event.seconds === undefined || event.seconds < 0.5) return;
    steps.push(seconds(`  ${event.action} ${event.name}`, event.seconds));
    console.error(`${event.action} ${event.name}: ${event.seconds.toFixed(1)} s`);
  },
};

/** The images are built by a first `up`, which is not counted, and held by tags of the bench's own while `down` removes theirs. */
export async function measureUp(): Promise<Figure[]> {
  await down(stack);
  await up(stack);
  const held = await holdImages();
  try {
    await down(stack);
    return await measureOnce('up, images built');
  } finally {
    await Promise.all(held.map((tag) => docker.getImage(tag).remove()));
  }
}

async function holdImages(): Promise<string[]> {
  const images = await docker.listImages({ filters: { reference: [`drawbridge.local/${stack.stack}/*`] } });
  return Promise.all(
    images.map(async ({ Id }, index) => {
      await docker.getImage(Id).tag({ repo: 'drawbridge.local/held-by-bench', tag: String(index) });
      return `drawbridge.local/held-by-bench:${index}`;
    }),
  );
}

/** Everything from nothing but the packages' registries. */
export async function measureCold(): Promise<Figure[]> {
  await down(stack);
  execFileSync(process.execPath, ['images/base.ts', '--remove-stand-ins'], { cwd: projectDirectory, stdio: ['ignore', 2, 2] });
  return measureOnce('up, cold');
}

async function measureOnce(name: string): Promise<Figure[]> {
  try {
    steps.length = 0;
    const start = performance.now();
    const { result: first, took } = await timed(() => up(stack));
    const upSteps = [...steps];
    await firstToolCall(first.outputs as unknown as Parameters<typeof firstToolCall>[0]);
    const untilCall = (performance.now() - start) / 1000;
    const memory = await memoryOfContainers();
    const again = await timed(() => up(stack));
    const removed = await timed(() => down(stack));
    return [
      seconds(name, took),
      ...upSteps,
      seconds(`${name}, until the first authenticated tool call`, untilCall),
      seconds('up again, no changes', again.took),
      seconds('down', removed.took),
      ...memory,
    ];
  } finally {
    await down(stack);
    rmSync(stack.stateDirectory, { recursive: true, force: true });
  }
}

async function memoryOfContainers(): Promise<Figure[]> {
  const containers = await docker.listContainers({ filters: { label: [`dev.drawbridge.stack=${stack.stack}`] } });
  return Promise.all(
    containers.map(async ({ Id, Names }) => {
      const { memory_stats: memory } = await docker.getContainer(Id).stats({ stream: false });
      // Page cache that the kernel may drop is not what the container needs.
      return megabytes(`memory of ${Names[0]?.replace(`/drawbridge-${stack.stack}-`, '')}`, memory.usage - (memory.stats.inactive_file ?? memory.stats.total_inactive_file ?? 0));
    }),
  );
}
