import type { TestProject } from 'vitest/node';
import { down, up } from '../../engine/index.ts';
import type { StackOutputs } from '../support/outputs.ts';
import { provideServers } from '../support/stack-servers.ts';
import { buildConnector } from './connector-image.ts';
import { authority, Internet, simulation } from './internet.ts';
import { tunnelConfig, tunnelStack } from './stack.ts';

/** Stands up the stack behind a tunnel with the embedded engine, on a machine apart whose internet has a simulation of Cloudflare. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const internet = await Internet.open();
  try {
    return await deploy(project, internet);
  } catch (error) {
    await internet.close();
    throw error;
  }
}

async function deploy(project: TestProject, internet: Internet): Promise<() => Promise<void>> {
  const { cloudflare } = internet;
  await buildConnector();
  provideServers();
  console.log('deploying the stack "tunnel" with the embedded engine, behind a simulation of Cloudflare');
  const stack = tunnelStack(cloudflare);
  const { outputs } = await up(stack);
  project.provide('stack', stack.stack);
  project.provide('outputs', { ...outputs, caCertificate: authority().certificate } as unknown as StackOutputs);
  project.provide('config', tunnelConfig(cloudflare));
  project.provide('cloudflare', cloudflare);
  return async () => {
    try {
      await down(stack);
      const left = await simulation<string[]>(cloudflare, 'leftovers');
      if (left.length > 0) throw new Error(`Left at Cloudflare after down: ${left.join(', ')}`);
    } finally {
      await internet.close();
    }
  };
}
