import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectDirectory } from '../../cli/stack-file.ts';

interface Step {
  name?: string;
  id?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
  if?: string;
  'continue-on-error'?: boolean;
}

export interface Workflow {
  on: Record<string, unknown>;
  permissions: Record<string, string>;
  env?: Record<string, string>;
  jobs: Record<string, { if?: string; permissions?: Record<string, string>; steps: (Step & { with?: Record<string, unknown> })[] }>;
}

export const workflowFolder = join(projectDirectory, '.github/workflows');
export const readWorkflow = (file: string): Workflow => parse(readFileSync(join(workflowFolder, file), 'utf8')) as Workflow;

export interface Ran {
  readonly step: string;
  readonly outcome: 'success' | 'failure' | 'skipped';
  readonly output: string;
}

/**
 * Runs the scripts of a job as a runner of GitHub's does: in the project's folder, by bash with -e and pipefail, each with its environment. Not run
 * are actions of others, and `npm ci`: what they would make is there already.
 * @param contexts what expressions stand for: `github.event.number` → `7`. Any other is empty, as a secret is that nobody set
 * @param environment over this process's and over what the workflow sets
 */
export async function runJob(file: string, job: string, contexts: Record<string, string>, environment: Record<string, string>): Promise<Ran[]> {
  const workflow = readWorkflow(file);
  const outcomes: Record<string, string> = {};
  const valueOf = (expression: string): string => contexts[expression] ?? (/^steps\.(\w+)\.outcome$/.test(expression) ? (outcomes[expression.split('.')[1]!] ?? '') : '');
  const filled = (values: Record<string, string> = {}) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.replace(/\$\{\{ *(.*?) *\}\}/g, (_, expression: string) => valueOf(expression))]));
  const holds = (condition: string): boolean => {
    const [, expression, wanted] = /^(\S+) == '(.*)'$/.exec(condition) ?? [];
    if (expression === undefined) throw new Error(`A condition that this cannot read: ${condition}`);
    return valueOf(expression) === wanted;
  };
  const ran: Ran[] = [];
  let failed = false;
  for (const step of workflow.jobs[job]!.steps) {
    if (step.run === undefined || step.run === 'npm ci') continue;
    const name = step.name ?? step.run;
    if (failed || (step.if !== undefined && !holds(step.if))) {
      ran.push({ step: name, outcome: 'skipped', output: '' });
      continue;
    }
    const { code, output } = await bash(step.run, { ...filled(workflow.env), ...filled(step.env), ...environment });
    const outcome = code === 0 ? 'success' : 'failure';
    if (step.id) outcomes[step.id] = outcome;
    failed = outcome === 'failure' && !step['continue-on-error'];
    ran.push({ step: name, outcome, output });
  }
  return ran;
}

const bash = (script: string, environment: Record<string, string>) =>
  new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], { cwd: projectDirectory, env: { ...process.env, ...environment }, maxBuffer: 16 << 20 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: `${stdout}${stderr}` }));
  });
