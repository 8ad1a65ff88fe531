import { createServer, connect, type Socket } from 'node:net';

/**
 * Runs `work` while no other process of this machine holds the lock `name`. The lock is an abstract Unix socket, which
 * the kernel frees with its holder: a killed run leaves nothing stale behind.
 * @param onWait called once if someone else holds the lock
 */
export async function withLock<T>(name: string, work: () => Promise<T>, onWait: () => void): Promise<T> {
  const address = `\0drawbridge-images-${name}`;
  let release = await acquire(address);
  if (!release) onWait();
  while (!release) {
    await holderIsGone(address);
    release = await acquire(address);
  }
  try {
    return await work();
  } finally {
    release();
  }
}

/** Takes the address if it is free; whoever waits holds a connection to it, which ends with the release. */
function acquire(address: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<Socket>();
    const server = createServer((socket) => waiting.add(socket.on('error', () => socket.destroy())));
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(address, () =>
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      }),
    );
  });
}

function holderIsGone(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => resolve());
    socket.resume();
  });
}
