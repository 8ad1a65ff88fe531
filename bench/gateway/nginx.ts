import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { render } from '../../proxy/blocks.ts';
import { freePort } from '../../test/support/gateway-process.ts';

/**
 * nginx as a plain proxy, the way the front treats MCP paths (nothing buffered, upstream connections kept), without TLS and logs:
 * what is asked for is the cost of what stands behind it.
 */
export class Nginx {
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
  }

  /** One listener for each origin. @returns their origins, in the same order */
  static async start(origins: readonly string[]): Promise<{ nginx: Nginx; fronts: string[] }> {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-bench-nginx-'));
    const ports: number[] = [];
    for (const _ of origins) ports.push(await freePort());
    writeFileSync(join(directory, 'nginx.conf'), configuration(directory, origins, ports));
    // The binary is in a directory that only root has on the PATH.
    const env = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
    const child = spawn('nginx', ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    process.on('exit', () => child.kill('SIGTERM'));
    const nginx = new Nginx(child, directory);
    const fronts = ports.map((port) => `http://127.0.0.1:${port}`);
    while (!(await fetch(fronts[0]!).catch(() => undefined))) {
      if (child.exitCode !== null) throw new Error(`nginx ended with exit code ${child.exitCode}.`);
      await sleep(50);
    }
    return { nginx, fronts };
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    rmSync(this.#directory, { recursive: true });
  }
}

function configuration(directory: string, origins: readonly string[], ports: readonly number[]): string {
  return render([
    'daemon off;',
    'worker_processes auto;',
    `pid ${directory}/nginx.pid;`,
    ['events {', 'worker_connections 4096;', '}'],
    [
      'http {',
      'access_log off;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((use) => `${use}_temp_path ${directory};`),
      ...origins.flatMap((origin, index) => [
        [`upstream to${index} {`, `server ${new URL(origin).host};`, 'keepalive 64;', 'keepalive_timeout 4s;', '}'],
        [
          'server {',
          `listen 127.0.0.1:${ports[index]};`,
          'keepalive_requests 1000000;',
          [
            'location / {',
            `proxy_pass http://to${index};`,
            'proxy_http_version 1.1;',
            'proxy_set_header Host $host;',
            'proxy_set_header Connection "";',
            'proxy_request_buffering off;',
            'proxy_buffering off;',
            '}',
          ],
          '}',
        ],
      ]),
      '}',
    ],
  ]);
}
