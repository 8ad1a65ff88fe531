import { judge, type Wanted } from '../host/checks.ts';
import { type Facts, gatherFacts } from '../host/facts.ts';
import { applyFirewall } from '../host/firewall/act.ts';
import { cannotPrepare, planPreparation, preparationScript, restorationScript } from '../host/preparation.ts';
import { HostError, runScript } from '../host/shell.ts';
import { setsFirewall, wantedOf } from '../infra/wanted.ts';
import type { Config } from '../infra/config.ts';
import { target as targetSchema } from '../infra/config/deploy.ts';
import { CommandError, UsageError } from './errors.ts';
import { readStackConfig } from './stack-file.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface HostOptions {
  stack: string;
  yes?: boolean;
  dryRun?: boolean;
  /** Another than those of the config: one that the stack has left. */
  machine?: string;
}

const MACHINE_IS_IN_USE = 3;

export type Action = 'check' | 'prepare' | 'restore' | 'firewall';

/** Looks at the machines of a stack, prepares them, undoes what preparing did, or sets their firewalls anew. */
export async function host(action: Action, { stack, yes, dryRun = false, machine: other }: HostOptions): Promise<void> {
  const config = readStackConfig(stack);
  const terminal = createTerminal({ yes, json: false });
  try {
    if (other !== undefined && action === 'firewall') throw new UsageError('--machine is for check, prepare and restore: a firewall is set on the machines of the config.');
    if (other !== undefined && !targetSchema.safeParse(other).success) throw new UsageError(`--machine ${other} is neither local nor ssh://user@host[:port].`);
    if (action === 'firewall') return await setFirewalls(stack, config, dryRun, terminal);
    const machines = await lookAt(stack, config, other === undefined ? [config.deploy.app, config.deploy.proxy] : [other]);
    if (action === 'check') return check(machines, terminal);
    for (const machine of machines) await (action === 'prepare' ? prepare(machine, dryRun, terminal) : restore(machine, dryRun, terminal));
  } catch (error) {
    throw error instanceof HostError ? new CommandError(error.message) : error;
  }
}

interface Looked {
  target: string;
  wanted: Wanted;
  facts: Facts;
}

const lookAt = (stack: string, config: Config, targets: readonly string[]): Promise<Looked[]> =>
  Promise.all(
    [...new Set(targets)].map(async (target) => {
      const wanted = wantedOf(config, stack, target);
      return { target, wanted, facts: await gatherFacts(target, { names: wanted.front?.names ?? [], acmeDirectory: wanted.front?.acmeDirectory }) };
    }),
  );

/** Every problem of every machine at once. */
function check(machines: readonly Looked[], terminal: Terminal): void {
  const verdicts = machines.map(({ target, facts, wanted }) => ({ target, system: facts.system, ...judge(facts, wanted) }));
  for (const { target, system, problems, warnings } of verdicts) {
    terminal.say(`${target} (${system}): ${problems.length === 0 ? 'ready' : 'not ready'}`);
    for (const problem of problems) terminal.say(`  - ${problem}`);
    for (const warning of warnings) terminal.say(`  - warning: ${warning}`);
  }
  if (verdicts.some(({ problems }) => problems.length > 0)) throw new CommandError('Not every machine is ready; nothing was changed.');
}

async function prepare({ target, facts, wanted: { stack } }: Looked, dryRun: boolean, terminal: Terminal): Promise<void> {
  const steps = planPreparation(facts);
  if (steps.length === 0) return terminal.say(`${target} (${facts.system}) needs no preparation.`);
  const obstacle = cannotPrepare(facts);
  if (obstacle) throw new CommandError(`${target} cannot be prepared: ${obstacle}.`);
  terminal.say(`${target} (${facts.system}) needs some preparation, as root${facts.root === 'sudo' ? ` (sudo of ${facts.user})` : ''}:`);
  for (const { describe } of steps) terminal.say(`  - ${describe}`);
  if (dryRun) return;
  if (!(await terminal.confirm('Go ahead?', true))) throw new CommandError('Stopped before anything was done.');
  await perform(target, preparationScript(facts.family!, steps));
  terminal.say(`${target} is prepared. \`npm run host -- restore --stack ${stack}\` undoes it.`);
}

async function restore({ target, facts }: Looked, dryRun: boolean, terminal: Terminal): Promise<void> {
  terminal.say(`What \`npm run host -- prepare\` did on ${target} is undone, as root: packages, group and services that it noted there.`);
  if (dryRun) return;
  if (!(await terminal.confirm('Go ahead?', false))) throw new CommandError('Stopped; nothing was undone.');
  await perform(target, restorationScript(facts.family ?? 'debian'));
  terminal.say(`${target} is as it was.`);
}

/** As `up` does when it makes them: what somebody flushed, removed or changed by hand since is no change of the config. */
async function setFirewalls(stack: string, config: Config, dryRun: boolean, terminal: Terminal): Promise<void> {
  if (!setsFirewall(config)) throw new UsageError(`Stack ${stack} sets no firewall: its profile is ${config.profile}, and drawbridge:firewall is ${config.firewall}.`);
  const targets = [...new Set([config.deploy.app, config.deploy.proxy])];
  terminal.say(`The firewall of ${targets.join(' and ')} is set as the config of stack ${stack} says, as root: the table of its own, and its ports.`);
  if (dryRun) return;
  if (!(await terminal.confirm('Go ahead?', true))) throw new CommandError('Stopped before anything was done.');
  // Loaded late: it brings Pulumi along.
  const { firewallOf } = await import('../infra/firewall.ts');
  for (const target of targets) terminal.say(await applyFirewall(firewallOf(config, stack, target), { closes: true }));
}

async function perform(target: string, script: string): Promise<void> {
  const { code, stdout, stderr } = await runScript(target, script, { root: true });
  if (code === MACHINE_IS_IN_USE) throw new CommandError(`The Docker engine of ${target} is in use, and would take these with it; nothing was undone:\n${stdout.trim()}`, ['`npm run down` removes a stack of yours.']);
  if (code !== 0) throw new CommandError([`${target}: the script ended with ${code}:`, ...`${stdout}\n${stderr}`.trim().split('\n').slice(-20)].join('\n'));
}
