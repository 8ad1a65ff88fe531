import { execFile } from 'node:child_process';
import { ALL_PERMISSIONS } from '../cloudflare/permissions.ts';
import type { CloudflareSimulation } from '../cloudflare/simulation.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program of the room `cloudflare/` against the simulation, as a `command.local.Command` does. */
export function runCloudflare(simulation: CloudflareSimulation, [program, act]: [program: string, act: string], wanted: object, env: Record<string, string> = {}): Promise<Ran> {
  const token = simulation.tokenWith(ALL_PERMISSIONS);
  const environment = { PATH: process.env.PATH, CLOUDFLARE_BASE_URL: simulation.url, CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_WANTED: JSON.stringify(wanted), ...env };
  return new Promise((done) => {
    execFile(process.execPath, [`cloudflare/${program}.ts`, act], { env: environment, timeout: 60_000 }, (error, stdout, stderr) => {
      done({ code: error ? Number(error.code ?? -1) : 0, stdout: stdout.trim(), stderr: stderr.trim() });
    });
  });
}
