import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { StackOutputs } from './outputs.ts';

const projectDirectory = join(import.meta.dirname, '../..');
const stack = 'cli';

/** Stands up the same program with the real Pulumi CLI and its real providers, on a backend in a temporary folder. */
export default function setup(project: TestProject): () => void {
  const backend = mkdtempSync(join(tmpdir(), 'drawbridge-pulumi-'));
  const stackFile = join(projectDirectory, `Pulumi.${stack}.yaml`);
  const env = { ...process.env, PULUMI_BACKEND_URL: `file://${backend}`, PULUMI_CONFIG_PASSPHRASE: 'test', PULUMI_SKIP_UPDATE_CHECK: '1' };
  const pulumi = (...args: string[]) =>
    execFileSync('pulumi', [...args, '--non-interactive', '--cwd', projectDirectory], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

  const remove = () => {
    pulumi('destroy', '--yes', '--stack', stack);
    pulumi('stack', 'rm', '--yes', '--stack', stack);
    rmSync(stackFile, { force: true });
    rmSync(backend, { recursive: true });
  };
  pulumi('stack', 'init', stack);
  pulumi('config', 'set', 'drawbridge:profile', 'local', '--stack', stack);
  pulumi('config', 'set', 'drawbridge:localPort', '18444', '--stack', stack);
  try {
    console.log(pulumi('up', '--yes', '--stack', stack));
    const preview = pulumi('preview', '--stack', stack, '--expect-no-changes');
    console.log(preview);
  } catch (error) {
    console.error((error as { stdout?: string }).stdout);
    remove();
    throw error;
  }
  project.provide('stack', stack);
  project.provide('outputs', JSON.parse(pulumi('stack', 'output', '--json', '--show-secrets', '--stack', stack)) as StackOutputs);
  return remove;
}
