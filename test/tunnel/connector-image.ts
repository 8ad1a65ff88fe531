import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { baseImage } from '../hosts/stand-ins.ts';
import { ports } from './internet.ts';

/** The image of cloudflared's simulation, under the name of the stand-in for the real one's. */
export async function buildConnector(): Promise<void> {
  const folder = join(import.meta.dirname, '../cloudflare');
  const args = Object.entries({ BASE: await baseImage('node'), EDGE: `127.0.0.1:${ports.connectors}` }).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  execFileSync('docker', ['build', '--quiet', '--tag', 'drawbridge.local/cloudflared', ...args, folder], { env: { ...process.env, DOCKER_BUILDKIT: '0' }, stdio: ['ignore', 'ignore', 'inherit'] });
}
