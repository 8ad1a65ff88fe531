import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DoctorRoom } from '../support/doctor-room.ts';

const project = join(import.meta.dirname, '../..');
// Not below the project: nothing of its node_modules may be found from there.
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-npx-'));
let room: DoctorRoom;

/** As someone does who has neither clone nor stack: packs the project, and installs that alone, as npm would from a registry or repository. */
beforeAll(async () => {
  room = await DoctorRoom.open();
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })) as { filename: string }[];
  execFileSync('npm', ['init', '--yes'], { cwd: folder, stdio: 'pipe' });
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=dev', join(folder, packed!.filename)], { cwd: folder, stdio: 'pipe' });
}, 180_000);
afterAll(async () => {
  await room.close();
  rmSync(folder, { recursive: true });
});

function npx(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile('npx', ['--no-install', 'drawbridge', ...args], { cwd: folder, env: { ...process.env, DRAWBRIDGE_TOKEN: '' } }, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
  });
}

describe('npx github:OWNER/drawbridge doctor, without a clone', () => {
  it('examines a server, and prints nothing but its report', { timeout: 60_000 }, async () => {
    const { code, out, err } = await npx('doctor', room.url, '--listen', '0');
    expect(err.replace(/^npm warn .*\n/gm, '')).toBe('');
    expect(code).toBe(0);
    expect(out).toContain(`${room.url}\n\n✓ Claude (web, desktop, mobile)\n✓ Claude Code\n`);
  });

  it('has the exit codes of the command', { timeout: 60_000 }, async () => {
    room.challenge = 'Bearer realm="x"';
    room.resourceDocument = { resource: 'https://other.example/mcp' };
    const failed = await npx('doctor', room.url, '--client', 'claude', '--json');
    expect([failed.code, (JSON.parse(failed.out) as { ok: boolean }).ok]).toEqual([1, false]);
    expect((await npx('doctor', 'nowhere')).code).toBe(2);
  });

  it('has help of its own, and says that all else needs a clone', { timeout: 60_000 }, async () => {
    expect((await npx('doctor', '--help')).out).toContain('Usage: npx github:OWNER/drawbridge doctor [options] <url>');
    const { code, err } = await npx('up');
    expect([code, err]).toEqual([2, expect.stringContaining('clone its repository')]);
    expect(err).toContain('npx github:OWNER/drawbridge doctor URL');
  });
});
