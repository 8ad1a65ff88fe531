import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Settings } from '../../backends/stdio/settings.ts';
import { fixture, initialize, messagesOf } from '../support/supervised.ts';

const directory = mkdtempSync(join(tmpdir(), 'drawbridge-stdio-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('the program', () => {
  const start = (stdio: string) => spawn(process.execPath, ['backends/stdio/main.ts'], { env: { PATH: process.env.PATH, PORT: '0', DRAWBRIDGE_STDIO: stdio } });

  it('stops all its processes at SIGTERM, also those that do not want to, within 10 s', async () => {
    const settings: Partial<Settings> = { command: process.execPath, args: [fixture('raw'), 'deaf'], directory };
    const program = start(JSON.stringify(settings));
    const output: string[] = [];
    program.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
    await vi.waitFor(() => expect(output.join('')).toMatch(/listening on port \d+; runs .*, one process for each user/));
    const url = `http://127.0.0.1:${/port (\d+)/.exec(output.join(''))![1]}/mcp`;
    const answer = fetch(url, { method: 'POST', headers: { 'Drawbridge-Subject': 'alice' }, body: JSON.stringify({ jsonrpc: '2.0', ...initialize() }) });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const asked = performance.now();
    program.kill('SIGTERM');
    expect(await once(program, 'exit')).toEqual([0, null]);
    expect(performance.now() - asked).toBeLessThan(8_000);
    expect(await messagesOf(await answer)).toMatchObject([{ error: { message: 'the server stopped; the log of its container says why' } }]);
  });

  it('ends with 2 and says what is wrong with its settings', async () => {
    const program = start('{"command": 1}');
    const errors: string[] = [];
    program.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
    expect(await once(program, 'exit')).toEqual([2, null]);
    expect(errors.join('')).toMatch(/DRAWBRIDGE_STDIO:\n {2}command: should be a program/);
  });
});
