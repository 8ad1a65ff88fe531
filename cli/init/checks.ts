import { judge, judgeNames } from '../../host/checks.ts';
import { gatherFacts } from '../../host/facts.ts';
import { HostError } from '../../host/shell.ts';
import type { Answers } from './answers.ts';

/** What the world says to an answer: what is wrong with it, and what is only worth knowing. */
export interface Checked {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Whether a machine can be reached. What it lacks is put right later, by commands that say so themselves. */
export function checkMachine({ deploy }: Pick<Answers, 'deploy'>, stack: string): Promise<Checked> {
  return reached(async () => {
    const facts = await gatherFacts(deploy, { names: [] });
    const { problems, warnings } = judge(facts, { stack, firewall: true });
    return { problems: [], notes: [...problems, ...warnings].map((note) => `${deploy}: ${note}`) };
  });
}

/** Whether the public name leads to the machine with the front, as that machine sees it: certificates hang on it. */
export function checkName({ deploy, host }: Pick<Answers, 'deploy' | 'host'>): Promise<Checked> {
  return reached(async () => {
    const { problems, warnings } = judgeNames(await gatherFacts(deploy, { names: [host] }), { names: [host], publicAddresses: [], http01: true, behindProxies: false });
    return { problems, notes: warnings };
  });
}

async function reached(look: () => Promise<Checked>): Promise<Checked> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof HostError) return { problems: [error.message], notes: [] };
    throw error;
  }
}
