import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Config } from '../infra/config.ts';

/** Ports of this machine that a stack's front takes from others who may have them. */
export function portsOf({ profile, localPort, tier, deploy }: Config): number[] {
  if (profile === 'local') return [localPort];
  return tier === 'host' && deploy.proxy === 'local' ? [80, 443] : [];
}

/** Whether some program listens on a port in a way that keeps us from listening on loopback. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    // Any other error, such as EACCES below 1024, says nothing about who holds the port.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(false)));
  });
}

/**
 * The process that listens on a port, as `name (process 123)`. Best effort: Linux only, and other users' processes are seen
 * by root alone.
 */
export function processOnPort(port: number): string | undefined {
  try {
    const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(readFileSync(`/proc/net/${table}`, 'utf8'), port)).map((inode) => `socket:[${inode}]`));
    const pid = readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && holdsAny(entry, sockets));
    return pid && `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})`;
  } catch {
    return undefined;
  }
}

/** @param table text of /proc/net/tcp: address and port in hex, state 0A is listening, the tenth column is the inode */
export function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local, , state, , , , , , inode]) => (local?.endsWith(suffix) && state === '0A' && inode ? [inode] : []));
}

function holdsAny(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
