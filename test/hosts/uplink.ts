import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { run } from '../../images/command.ts';
import type { Lab } from './lab.ts';
import { inNamespace, ip } from './namespace.ts';

/** slirp4netns' own resolver, which asks this machine's. */
export const RESOLVER = '10.0.2.3';

/**
 * Lets the hosts of a lab out to what this machine reaches: package registries, for the images that are built there. By a network stack of its own
 * in a process, so that nothing changes in this machine's network. Ends with the process that asked for it.
 */
export async function connectToInternet(lab: Lab): Promise<() => Promise<void>> {
  const segment = lab.namespace('segment');
  const disconnect = await connectNamespace(`/run/netns/${segment}`);
  // The lab borrows this network for its outside. Its clients have routes of their own; the rest may be where packages come from.
  await ip(segment, 'route', 'delete', '203.0.113.0/24', 'dev', 'wan');
  await run('nsenter', [...inNamespace(segment), 'nft', 'table ip uplink { chain out { type nat hook postrouting priority srcnat; oifname "tap0" masquerade; }; }']);
  for (const host of lab.hosts) await host.run(`echo nameserver ${RESOLVER} > /etc/resolv.conf`);
  return disconnect;
}

/** Gives a network namespace an interface `tap0` that leads out, until the returned function is called. */
export async function connectNamespace(path: string): Promise<() => Promise<void>> {
  const options = ['--configure', '--mtu=1500', '--disable-host-loopback', '--exit-fd=3', '--ready-fd=4', '--netns-type=path'];
  // It ends as its end of the pipe is closed: also when this process is killed.
  const process: ChildProcess = spawn('slirp4netns', [...options, path, 'tap0'], { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const said = text(process.stderr!);
  await Promise.race([once(process.stdio[4]!, 'data'), once(process, 'exit').then(async () => Promise.reject(new Error(`slirp4netns ended: ${await said}`)))]);
  return async () => {
    process.kill();
    await once(process, 'exit');
  };
}
