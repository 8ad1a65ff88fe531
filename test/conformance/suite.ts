import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One way to run the official conformance suite. */
export interface Suite {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

const modules = join(import.meta.dirname, '../../node_modules');
const current = join(modules, '@modelcontextprotocol/conformance/dist/index.js');
export const nextProgram = join(modules, 'conformance-next/dist/index.js');

export const suites: readonly Suite[] = [
  { name: 'current release', program: current, args: ['--suite', 'all'] },
  { name: 'next release, 2025-11-25', program: nextProgram, args: ['--suite', 'all', '--spec-version', '2025-11-25'] },
  { name: 'next release, requirements of 2026-07-28', program: nextProgram, args: ['--requirements', '2026-07-28'] },
];

/** `SUCCESS`, `FAILURE`, `WARNING` or `SKIPPED`, and the suite's reason. */
export interface Verdict {
  readonly status: string;
  readonly errorMessage?: string;
}

/** The verdict on each check, by `scenario: check`. A check that is made more than once has its number behind it. */
export type Verdicts = ReadonlyMap<string, Verdict>;

/** Runs a suite against a server. @throws Error with the suite's words when it comes to no verdicts. */
export async function runSuite({ program, args }: Suite, url: string): Promise<Verdicts> {
  const directory = await mkdtemp(join(tmpdir(), 'drawbridge-conformance-'));
  try {
    // The exit code says whether all passed, which is not asked here.
    const words = await new Promise<string>((resolve) =>
      execFile(process.execPath, [program, 'server', '--url', url, '--output-dir', directory, ...args], { timeout: 300_000 }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      ),
    );
    const verdicts = await readVerdicts(directory, 'server');
    if (!words.includes('SUMMARY') || verdicts.size === 0) throw new Error(`The suite ended without verdicts:\n${words}`);
    return verdicts;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The verdicts that a run wrote into its directory, where each scenario has a folder of its own. */
export async function readVerdicts(directory: string, role: 'server' | 'authorization-server'): Promise<Verdicts> {
  const verdicts = new Map<string, Verdict>();
  for (const folder of await readdir(directory)) {
    const scenario = new RegExp(`^${role}-(.*)-\\d{4}-\\d\\d-\\d\\dT[^T]*Z$`).exec(folder)?.[1];
    // A scenario that throws leaves an empty folder behind.
    const written = await readFile(join(directory, folder, 'checks.json'), 'utf8').catch(() => '[{"id": "ended in an error", "status": "FAILURE"}]');
    const checks = JSON.parse(written) as (Verdict & { id: string })[];
    // INFO is what the suite saw on the wire; how often depends on timing.
    for (const { id, status, errorMessage } of checks.filter((check) => check.status !== 'INFO')) {
      let [key, again] = [`${scenario}: ${id}`, 1];
      while (verdicts.has(key)) key = `${scenario}: ${id} #${(again += 1)}`;
      verdicts.set(key, { status, errorMessage });
    }
  }
  return verdicts;
}

/** Every check whose verdict differs, by its key: what it was bare, what it is through the gateway, and why. */
export function differences(bare: Verdicts, through: Verdicts): { worse: Record<string, string>; better: Record<string, string> } {
  const failedBare = new Set([...bare].filter(([, { status }]) => status === 'FAILURE').map(([key]) => scenarioOf(key)));
  const worse: Record<string, string> = {};
  const better: Record<string, string> = {};
  for (const key of new Set([...bare.keys(), ...through.keys()])) {
    const [before, after] = [bare.get(key)?.status ?? 'not made', through.get(key)?.status ?? 'not made'];
    if (before === after) continue;
    // In a scenario that broke off bare, a check that is made now for the first time takes nothing away.
    const isWorse = before === 'SUCCESS' || (after === 'FAILURE' && !(before === 'not made' && failedBare.has(scenarioOf(key))));
    (isWorse ? worse : better)[key] = [`${before} bare, ${after} through the gateway`, through.get(key)?.errorMessage?.slice(0, 500)]
      .filter(Boolean)
      .join(': ');
  }
  return { worse, better };
}

const scenarioOf = (key: string) => key.slice(0, key.indexOf(':'));
