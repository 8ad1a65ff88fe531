import type { StackOptions } from '../../engine/index.ts';
import type { Config } from '../../infra/config.ts';
import { setsFirewall } from '../../infra/wanted.ts';
import { firewallOf } from '../status/gather.ts';
import type { DriftReport } from './facts.ts';
import { findingsOf, firewallFindings, seenFindings, upByPulumi } from './findings.ts';
import { planOf } from './plan.ts';
import { previewByPulumi, resourcesOfPulumi } from './pulumi.ts';
import { lookAround, refreshOf } from './seen.ts';

export type Look = Pick<DriftReport, 'findings' | 'beside' | 'unknown'>;

/** Compares a stack of the embedded engine with its config, in all its parts. Touches nothing. */
export async function lookAt(options: StackOptions, config: Config): Promise<Look> {
  const { stack } = options;
  const { steps, wanted } = await planOf({ ...options, refresh: {} });
  const { seen, beside, unknown } = await lookAround({ stack, config, wanted });
  return withFirewalls(stack, config, { findings: findingsOf(steps, seen), beside, unknown });
}

/** The same of a stack that the Pulumi CLI deployed. @throws CommandError where that is not here, or knows no such stack */
export async function lookByPulumi(stack: string, config: Config): Promise<Look> {
  const findings = await previewByPulumi(stack);
  const { seen, beside, unknown } = await lookAround({ stack, config, wanted: await resourcesOfPulumi(stack) });
  return withFirewalls(stack, config, { findings: [...findings, ...seenFindings(seen, upByPulumi(stack))], beside, unknown });
}

async function withFirewalls(stack: string, config: Config, { findings, beside, unknown }: Look): Promise<Look> {
  if (!setsFirewall(config)) return { findings, beside, unknown };
  const machines = [...new Set([config.deploy.app, config.deploy.proxy])];
  const found = await Promise.all(machines.map(async (machine) => ({ machine, firewall: (await firewallOf(stack, machine, config)).firewall })));
  return {
    findings: [...findings, ...found.flatMap(({ machine, firewall }) => (firewall && !('unknown' in firewall) ? firewallFindings(machine, firewall, `npm run host -- firewall --stack ${stack}`) : []))],
    beside,
    unknown: [...unknown, ...found.flatMap(({ machine, firewall }) => (firewall && 'unknown' in firewall ? [`firewall of ${machine}: ${firewall.unknown}`] : []))],
  };
}

/** What an `up` has to be told of, which the engine does not see by itself. Touches nothing. */
export async function handMade(options: StackOptions, config: Config): Promise<NonNullable<StackOptions['refresh']>> {
  const { wanted } = await planOf(options);
  return refreshOf((await lookAround({ stack: options.stack, config, wanted })).seen);
}
