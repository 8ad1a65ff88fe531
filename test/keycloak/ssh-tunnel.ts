import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { base, freePort } from './room.ts';

const docker = (args: string[], input?: string) => execFileSync('docker', args, { encoding: 'utf8', input, env: { ...process.env, DOCKER_BUILDKIT: '0' }, stdio: 'pipe' }).trim();

/**
 * What `ssh -L PORT:127.0.0.1:PORT HOST` gives: OpenSSH's server on the loopback address of this machine, as the host, and its client.
 * The machine that the client is on is this one too, hence another loopback address for its end.
 */
export async function sshTunnel(address: string, port: number): Promise<{ close: () => void }> {
  const name = `drawbridge-ssh-${randomBytes(3).toString('hex')}`;
  const dockerfile = `FROM ${await base('node')}\nRUN apt-get update && apt-get install --yes --no-install-recommends openssh-server\nRUN id 1000 || useradd --uid 1000 --create-home --shell /bin/sh someone\nUSER 1000\nWORKDIR /tmp`;
  docker(['build', '--quiet', '--tag', name, '-'], dockerfile);
  const sshd = await freePort();
  const script = `
    for key in host person; do ssh-keygen -q -t ed25519 -N '' -f /tmp/$key; done
    /usr/sbin/sshd -f /dev/null -h /tmp/host -p ${sshd} -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile=/tmp/person.pub -o StrictModes=no -o PasswordAuthentication=no -o PidFile=none -E /dev/stderr
    exec ssh -N -i /tmp/person -p ${sshd} -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/tmp/known -o ExitOnForwardFailure=yes -L ${address}:${port}:127.0.0.1:${port} "$(id --user --name)@127.0.0.1"`;
  docker(['run', '--detach', '--name', name, '--network', 'host', '--entrypoint', 'sh', name, '-c', script]);
  const close = () => {
    docker(['rm', '--force', name]);
    docker(['rmi', '--force', name]);
  };
  for (const deadline = Date.now() + 30_000; !(await answers(address, port)); await delay(200)) {
    if (Date.now() < deadline) continue;
    const log = docker(['logs', name]);
    close();
    throw new Error(`there is no tunnel: ${log}`);
  }
  return { close };
}

export function answers(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  return new Promise<boolean>((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false))).finally(() => socket.destroy());
}
