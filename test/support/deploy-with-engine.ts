import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import { down, type EngineEvent, type StackOptions, up } from '../../engine/index.ts';
import type { StackOutputs } from './outputs.ts';
import { provideServers, removeServers, sharedConfig } from './stack-servers.ts';

const projectDirectory = join(import.meta.dirname, '../..');

/** A stack of the tests' own: its own name, port and state, next to any stack that the user runs. */
export function testStack(stack: string, config: Record<string, unknown>): StackOptions {
  return { projectDirectory, stack, stateDirectory: join(projectDirectory, '.drawbridge/test'), config, onEvent: report };
}

function report(event: EngineEvent): void {
  if (event.kind === 'finished' && event.action !== 'same') console.log(`  ${event.action} ${event.name} (${event.seconds?.toFixed(1)} s)`);
  if (event.kind === 'failed') console.error(`  failed: ${event.name}: ${event.error}`);
  if (event.kind === 'log' && event.severity === 'error') console.error(event.message);
}

// Several clones on one machine each need a stack of their own.
const port = Number(process.env.DRAWBRIDGE_TEST_PORT ?? 18443);
const config = sharedConfig(port);
const shared = testStack(port === 18443 ? 'test' : `test-${port}`, Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value])));

/** Stands up the one stack that the files of this level share, and removes it afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  console.log(`deploying the stack "${shared.stack}" with the embedded engine`);
  provideServers();
  const { outputs } = await up(shared);
  const caCertificate = await readCaCertificate(shared.stack);
  project.provide('stack', shared.stack);
  project.provide('config', config);
  project.provide('outputs', { ...outputs, caCertificate } as unknown as StackOutputs);
  return async () => {
    if (process.env.DRAWBRIDGE_KEEP_TEST_STACK === '1') return;
    await down(shared);
    removeServers();
  };
}
