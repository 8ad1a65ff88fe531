import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };

const version = (name: keyof typeof manifest.devDependencies) => `${name}@${manifest.devDependencies[name]}`;
const everything = version('@modelcontextprotocol/server-everything');

/** Where the recording backend of a test listens on this machine; `host.docker.internal` is what containers call it. */
export const RECORDER_PORT = 18580;
export const RECORDER_CREDENTIAL = 'planted-credential-of-the-recorder-7f3a';
export const documents = join(tmpdir(), 'drawbridge-test-documents');
export const everythingImage = 'drawbridge.local/for-tests/everything:latest';

/** A server of each kind behind one host: ours, and servers that nobody here wrote. */
export const servers = [
  { name: 'mcp', path: '/mcp', tools: { note_write: 'mcp:write' } },
  { name: 'everything', path: '/everything', scopes: ['everything:use'], backend: { command: 'npx', args: ['-y', everything, 'stdio'] } },
  { name: 'everything-http', path: '/everything-http', scopes: ['everything-http:use'], backend: { image: everythingImage, port: 3001, env: { PORT: '3001' } } },
  {
    name: 'files',
    path: '/files',
    scopes: ['files:read', 'files:write'],
    tools: { '*': 'files:write', read_text_file: 'files:read', list_directory: 'files:read' },
    implies: { 'files:write': ['files:read'] },
    backend: { command: 'npx', args: ['-y', version('@modelcontextprotocol/server-filesystem'), '/documents'], mounts: [{ source: documents, target: '/documents', readOnly: false }] },
  },
  {
    name: 'memory',
    path: '/memory',
    scopes: ['memory:use'],
    backend: { command: 'npx', args: ['-y', version('@modelcontextprotocol/server-memory')], env: { MEMORY_FILE_PATH: '{userDirectory}/memory.jsonl' } },
  },
  { name: 'time', path: '/time', scopes: ['time:use'], backend: { command: 'uvx', args: ['mcp-server-time@2026.10.19'] } },
  {
    name: 'recorder',
    path: '/recorder',
    scopes: ['recorder:use'],
    backend: { url: `http://host.docker.internal:${RECORDER_PORT}/mcp` },
    identity: 'signed',
    credential: { secret: 'recorder' },
  },
];

/** Config of the stack that the end-to-end tests share, without the namespace. */
export const sharedConfig = (localPort: number) => ({ profile: 'local', localPort, servers, limits: { perUser: 60_000, perAddress: 60_000 }, secrets: { recorder: RECORDER_CREDENTIAL } });

/** What the stack needs to find on the machine: a folder to serve, and an image of a server that speaks Streamable HTTP. */
export function provideServers(): void {
  mkdirSync(documents, { recursive: true });
  execFileSync('chmod', ['0777', documents]);
  writeFileSync(join(documents, 'hello.txt'), 'hello from the other side of the moat');
  const { image: base } = JSON.parse(execFileSync('node', ['images/base.ts', 'node'], { encoding: 'utf8' }).trim().split('\n').at(-1)!) as { image: string };
  const dockerfile = [`FROM ${base}`, `RUN npm install --global --ignore-scripts --no-audit --no-fund ${everything}`, 'USER 1000:1000', 'CMD ["mcp-server-everything", "streamableHttp"]'];
  execFileSync('docker', ['build', '--quiet', '--tag', everythingImage, '-'], { input: dockerfile.join('\n'), env: { ...process.env, DOCKER_BUILDKIT: '0' }, stdio: ['pipe', 'ignore', 'inherit'] });
}

/** Takes the image away again; nobody else uses it. */
export function removeServers(): void {
  execFileSync('docker', ['image', 'rm', '--force', everythingImage], { stdio: 'ignore' });
}
