import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { EngineError, messageOf } from '../types.ts';
import type { ContainerInputs } from './container-spec.ts';
import { explain } from './docker.ts';
import type { Step } from './provider.ts';

/** Why a container did not start; a port that is taken is named, with its holder where that can be found out. */
export async function explainStart(error: unknown, inputs: ContainerInputs, step: Step): Promise<Error> {
  const message = messageOf(error);
  if (!/port is already allocated|address already in use/.test(message)) return explain(error);
  const port = Number(/:(\d+)(?:: bind| failed)/.exec(message)?.[1] ?? inputs.ports?.find(({ external }) => external)?.external);
  const holder = (await containerOn(port, step)) ?? (step.docker.elsewhere ? undefined : processOn(port));
  return new EngineError(`port ${port} is already in use${holder ? ` by ${holder}` : ''}. Stop what uses it, or set another port, and run the command again`);
}

async function containerOn(port: number, step: Step): Promise<string | undefined> {
  const running = await step.docker.api.listContainers();
  const found = running.find((each) => each.Ports.some(({ PublicPort }) => PublicPort === port));
  return found && `the container ${found.Names[0]?.slice(1)}`;
}

/** The process that listens on a TCP port, from /proc: the socket's inode, then the process that has it open. */
function processOn(port: number): string | undefined {
  try {
    const hexPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    const listening = '0A';
    const inodes = ['/proc/net/tcp', '/proc/net/tcp6']
      .flatMap((table) => readFileSync(table, 'utf8').split('\n').slice(1).map((line) => line.trim().split(/\s+/)))
      .filter(([, local, , state]) => local?.endsWith(hexPort) && state === listening)
      .map((fields) => `socket:[${fields[9]}]`);
    const pid = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((name) => opens(name, inodes));
    return pid && `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})`;
  } catch {
    return undefined;
  }
}

function opens(pid: string, inodes: string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    // Another user's process, or one that has just ended.
    return false;
  }
}
