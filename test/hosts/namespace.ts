import { existsSync, readdirSync } from 'node:fs';
import { run } from '../../images/command.ts';

export interface Addresses {
  readonly v4: string;
  readonly v6: string;
}

/** Runs `ip` in a named network namespace. */
export const ip = (namespace: string, ...args: string[]): Promise<string> => run('ip', ['-n', namespace, ...args]);

/** A network namespace with its loopback up. */
export async function addNamespace(name: string): Promise<void> {
  await run('ip', ['netns', 'add', name]);
  await ip(name, 'link', 'set', 'lo', 'up');
}

/** Ends what runs in a namespace before it removes it: processes would keep it alive, unnamed. */
export async function removeNamespace(name: string): Promise<void> {
  if (!namespaces().includes(name)) return;
  for (const pid of (await run('ip', ['netns', 'pids', name])).split('\n').filter(Boolean)) kill(Number(pid));
  await run('ip', ['netns', 'delete', name]);
}

export const namespaces = (): string[] => (existsSync('/run/netns') ? readdirSync('/run/netns') : []);

export const inNamespace = (name: string): string[] => [`--net=/run/netns/${name}`];

export async function setKernel(namespace: string, settings: Record<string, string>): Promise<void> {
  await run('nsenter', [...inNamespace(namespace), 'sysctl', '--quiet', '--write', ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)]);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
