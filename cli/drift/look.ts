import type { StackOptions } from '../../engine/index.ts';
import type { Config } from '../../infra/config.ts';
import { setsFirewall } from '../../infra/wanted.ts';
import { firewallOf } from '../status/gather.ts';
import type { DriftReport } from './facts.ts';
import { findingsOf, firewallFindings } from './findings.ts';
import { planOf } from './plan.ts';
import { lookAround, refreshOf } from './seen.ts';

export type Look = Pick<DriftReport, 'findings' | 'beside' | 'unknown'>;

/** Compares a stack of the embedded engine with its config, in all its parts. Touches nothing. */
export async function lookAt(options: StackOptions, config: Config): Promise<Look> {
  const { stack } = options;
  const { steps, wanted } = await planOf({ ...options, refresh: {} });
  const { seen, beside, unknown } = await lookAround({ stack, config, wanted });
  const findings = findingsOf(steps, seen);
  if (!setsFirewall(config)) return { findings, beside, unknown };
  for (const machine of new Set([config.deploy.app, config.deploy.proxy])) {
    const { firewall } = await firewallOf(stack, machine, config);
    if (firewall && 'unknown' in firewall) unknown.push(`firewall of ${machine}: ${firewall.unknown}`);
    else if (firewall) findings.push(...firewallFindings(machine, firewall, `npm run host -- firewall --stack ${stack}`));
  }
  return { findings, beside, unknown };
}

/** What an `up` has to be told of, which the engine does not see by itself. Touches nothing. */
export async function handMade(options: StackOptions, config: Config): Promise<NonNullable<StackOptions['refresh']>> {
  const { wanted } = await planOf(options);
  return refreshOf((await lookAround({ stack: options.stack, config, wanted })).seen);
}
