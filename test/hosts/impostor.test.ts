import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { renderTable } from '../../host/firewall/table.ts';
import type { Wanted } from '../../host/firewall/wanted.ts';
import { provideTools } from './tools.ts';

const wanted: Wanted = { target: 'local', stack: 'impostor', enforcer: 'auto', bridges: 'db000000-', publicPorts: [80, 443], privatePorts: [18080, 18084, 18081], upstream: { bridge: 'db000000-edge', ports: [8080] } };
/** Listens as a user, and says so. */
const listen = (user: number, host: string, port: number) => `
  process.setgid(${user}); process.setuid(${user});
  require('node:net').createServer((socket) => socket.end('token, please')).listen(${port}, '${host}', () => console.log('listens'));`;
const connect = (host: string, port: number) => `
  require('node:net').connect(${port}, '${host}').setTimeout(1000, () => { console.log('silence'); process.exit(); }).on('data', (text) => { console.log(String(text)); process.exit(); });`;

let inside: string[];

// A network that nobody else is on.
beforeAll(async () => {
  await provideTools(console.error);
  const namespace = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && nft -f - && echo ready && exec sleep 60']);
  namespace.stdin.end(renderTable(wanted));
  inside = ['nsenter', `--net=/proc/${namespace.pid}/ns/net`];
  await once(namespace.stdout, 'data');
  return () => void namespace.kill();
});

const answers = async (user: number, host: string, port: number): Promise<string> => {
  const [program = '', ...args] = [...inside, process.execPath, '-e'];
  const listener = spawn(program, [...args, listen(user, host, port)]);
  onTestFinished(() => void listener.kill());
  await once(listener.stdout, 'data');
  return (await promisify(execFile)(program, [...args, connect(host, port)])).stdout.trim();
};

it.each([
  ['127.0.0.1', 18084],
  ['::1', 18081],
])('a user of the machine who listens at %s, port %i, where the gateway or Keycloak could, is not heard', async (host, port) => {
  expect(await answers(65534, host, port)).toBe('silence');
});

it('Docker, which is root, is heard there, and any user elsewhere', async () => {
  expect(await answers(0, '127.0.0.1', 18080)).toBe('token, please');
  expect(await answers(65534, '127.0.0.1', 9000)).toBe('token, please');
});

it('the table is one that nft reads back as it was written', () => {
  expect(execFileSync(inside[0]!, [...inside.slice(1), 'nft', '-s', 'list', 'ruleset'], { encoding: 'utf8' })).toMatch(/chain output \{\n.*\n\s*tcp sport .* meta skuid != 0 drop\n\s*oifname != "db000000-\*" accept/);
});
