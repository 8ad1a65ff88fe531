import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { closeConsole } from '../../keycloak/administrator.ts';

/** A command with an account to delete at its end, which takes it a while. */
const program = `
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { untilEnded } from '${resolve(import.meta.dirname, '../../cli/interrupt.ts')}';
const ending = untilEnded({ say: console.log });
console.log('begun');
if (!ending.aborted) await once(ending, 'abort');
await sleep(500);
console.log('deleted');
process.exit(0);
`;

describe('a command with something to clear up', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that gets %s again and again clears up all the same', async (signal) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (line === 'begun') child.kill(signal);
      if (line !== 'Ending …') continue;
      // As from a terminal, npm and the launcher, and from somebody who cannot wait.
      for (let times = 0; times < 3; times++) {
        await sleep(50);
        child.kill(signal);
      }
    }
    expect(said).toEqual(['begun', 'Ending …', 'deleted']);
    expect(await ended).toEqual([0, null]);
  });
});

describe('an administrator', () => {
  const keycloak = async (status: number, answer: unknown) => {
    const server = createServer((_, response) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`;
  };
  const account = { username: 'drawbridge-admin-1', password: 'p' };

  it('whom another run has deleted is nothing that went wrong', async () => {
    expect(await closeConsole(await keycloak(401, { error: 'invalid_grant', error_description: 'Invalid user credentials' }), account)).toBe(false);
  });

  it('of whom Keycloak says nothing at all is', async () => {
    await expect(closeConsole(await keycloak(503, ''), account)).rejects.toThrow();
  });
});
