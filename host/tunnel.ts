import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { HostError } from './shell.ts';
import { explainSsh, parseTarget, sshArguments } from './ssh.ts';

/**
 * Opens a port of this machine's loopback addresses that leads to an address and port as another machine sees them. It ends with this process.
 * @param target `ssh://user@host[:port]`
 * @returns what closes it
 * @throws HostError
 */
export async function openTunnel(target: string, port: number, to: string): Promise<() => void> {
  const ssh = parseTarget(target)!;
  const forwards = loopback().flatMap((address) => ['-L', `${address.includes(':') ? `[${address}]` : address}:${port}:${to}`]);
  const forward = ['-o', 'ExitOnForwardFailure=yes', ...forwards];
  // It says that it is there once the port is open, and stays for as long as it is spoken to. In a session of its own, since what has
  // to be cleared up after a Ctrl-C goes through it.
  const child = spawn('ssh', sshArguments(ssh, 'echo open; exec cat >/dev/null', forward), { detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  child.stdin.on('error', () => {});
  const failed = once(child, 'close').then(() => {
    throw new HostError(`${target}: there is no way to ${to}: ${explainSsh(ssh, said) ?? said.trim()}`);
  });
  await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => {});
  return () => void child.kill();
}

/** The same on the machine itself, to what listens there on another address than loopback. @returns its port, and what closes it */
export async function openRelay(host: string, to: number): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  const relay = (client: Socket) => {
    const onward = connect(to, host);
    for (const socket of [client, onward]) sockets.add(socket.on('error', () => {}).once('close', () => [client, onward].forEach((each) => each.destroy())));
    client.pipe(onward).pipe(client);
  };
  const servers: Server[] = [];
  let port = 0;
  for (const address of loopback()) {
    const server = createServer(relay).listen(port, address);
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
    servers.push(server);
  }
  const close = () => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, close };
}

/** Each of them that this machine has: what is sent to `localhost` would go to another of its users, who listens on the one that is left out. */
function loopback(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  return ['127.0.0.1', '::1'].filter((address) => own.includes(address));
}
