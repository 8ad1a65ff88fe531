import type { TestProject } from 'vitest/node';
import { PulumiCli } from './pulumi-cli.ts';
import { provideServers, removeServers, sharedConfig } from './stack-servers.ts';

/** Stands up the same program with the real Pulumi CLI and its real providers. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  provideServers();
  const pulumi = await PulumiCli.create('cli');
  const remove = async () => {
    await pulumi.remove();
    removeServers();
  };
  try {
    const config = sharedConfig(18444);
    const { secrets, ...plain } = config;
    await pulumi.configure(plain, secrets);
    console.log(await pulumi.up());
    console.log(await pulumi.expectNoChanges());
    project.provide('stack', 'cli');
    project.provide('config', config);
    project.provide('outputs', await pulumi.outputs());
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}
