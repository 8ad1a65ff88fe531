// Runs inside the namespace of chromium-apart.sh. All that Chromium reaches there is a proxy, whose other end is a Unix socket that the test listens on.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const { CHROMIUM = '/usr/bin/chromium', BROWSER_PROXY } = process.env;
execFileSync('ip', ['link', 'set', 'lo', 'up'], { stdio: 'inherit' });
const relay = createServer((socket) => {
  const there = connect(BROWSER_PROXY!);
  for (const end of [socket, there]) end.on('error', () => (socket.destroy(), there.destroy()));
  socket.pipe(there).pipe(socket);
}).listen(3128, '127.0.0.1');
await once(relay, 'listening');
// 3 and 4 are the pipes of the DevTools protocol.
const chromium = spawn(CHROMIUM, process.argv.slice(2), { stdio: [0, 1, 2, 3, 4] });
const [code] = (await once(chromium, 'exit')) as [number | null];
process.exit(code ?? 1);
