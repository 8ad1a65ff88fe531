import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

const program = `
const { appendFileSync, existsSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(directory + '/calls', JSON.stringify(args) + '\\n');
const host = args[args.indexOf('--') + 1];
if (existsSync(directory + '/' + host + '.refused')) process.stderr.write(readFileSync(directory + '/' + host + '.refused', 'utf8'), () => process.exit(255));
else process.stdin.pipe(require('node:net').connect(directory + '/' + host + '.sock')).pipe(process.stdout);
`;

/** A program `ssh`, first on the PATH, that leads to Docker engines of the test's own and remembers how it was called. */
export class FakeSsh {
  readonly #directory = mkdtempSync(join(tmpdir(), 'drawbridge-ssh-'));

  constructor() {
    onTestFinished(() => rmSync(this.#directory, { recursive: true, force: true }));
    mkdirSync(join(this.#directory, 'bin'));
    writeFileSync(join(this.#directory, 'bin', 'ssh'), `#!${process.execPath}\nconst directory = ${JSON.stringify(this.#directory)};\n${program}`);
    chmodSync(join(this.#directory, 'bin', 'ssh'), 0o755);
    vi.stubEnv('PATH', `${join(this.#directory, 'bin')}:${process.env.PATH}`);
    onTestFinished(() => void vi.unstubAllEnvs());
  }

  /** Arguments of each call. */
  get calls(): string[][] {
    const log = join(this.#directory, 'calls');
    return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as string[]) : [];
  }

  /** What ssh says, and no more, when it is asked for `host`. */
  refuse(host: string, words: string): void {
    writeFileSync(join(this.#directory, `${host}.refused`), words);
  }

  /** A machine with a Docker engine that knows networks only. What is done to it goes into `done`. */
  async engine(host: string, done: string[]): Promise<void> {
    const networks = new Map<string, { Id: string; Name: string; Driver: string; Internal: boolean; Labels: Record<string, string> }>();
    const answer: RequestListener = (request, response) => {
      let body = '';
      request.on('data', (text) => (body += text));
      request.on('end', () => {
        const path = request.url!.replace(/\?.*/, '');
        const reply = (status: number, value: unknown) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
        const name = decodeURIComponent(path.split('/')[2] ?? '');
        const found = [...networks.values()].find(({ Id, Name }) => Id === name || Name === name);
        if (path === '/networks/create') {
          const { Name, Driver, Internal, Labels } = JSON.parse(body) as { Name: string; Driver: string; Internal: boolean; Labels: Record<string, string> };
          networks.set(Name, { Id: `${host}-${Name}`, Name, Driver, Internal, Labels });
          done.push(`${host}: create ${Name}`);
          return reply(201, { Id: `${host}-${Name}` });
        }
        if (path === '/networks') return reply(200, [...networks.values()]);
        if (path === '/volumes') return reply(200, { Volumes: [] });
        if (!path.startsWith('/networks/')) return reply(200, []);
        if (!found) return reply(404, { message: 'no such network' });
        if (request.method !== 'DELETE') return reply(200, { ...found, Scope: 'local' });
        networks.delete(found.Name);
        done.push(`${host}: remove ${found.Name}`);
        return response.writeHead(204).end();
      });
    };
    const server = createServer(answer).listen(join(this.#directory, `${host}.sock`));
    await new Promise((listening) => server.once('listening', listening));
    onTestFinished(() => void server.close());
  }
}
