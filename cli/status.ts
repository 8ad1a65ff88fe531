import * as engine from '../engine/index.ts';
import { CommandError } from './errors.ts';
import { hasStackFile, projectDirectory, readStackConfig, stateDirectory } from './stack-file.ts';
import { stackOption } from './stack-name.ts';
import { knownEngines } from './standing-stack.ts';
import type { Status } from './status/facts.ts';
import { gather } from './status/gather.ts';
import { judge } from './status/judge.ts';
import { statusLines } from './status/text.ts';

/**
 * Says what runs where, and what is wrong. Changes nothing.
 * @returns the exit code: 1 where something is wrong
 * @throws CommandError where nothing of the stack is there
 */
export async function status({ stack, json = false }: { stack: string; json?: boolean }): Promise<0 | 1> {
  const config = hasStackFile(stack) ? readStackConfig(stack) : undefined;
  const isOurs = (await engine.outputs({ projectDirectory, stateDirectory, stack })) !== undefined;
  const facts = await gather(stack, knownEngines(stack, config), config, isOurs);
  const [ours, pulumis] = [`npm run up${stackOption(stack)}`, `pulumi up --refresh --stack ${stack}`];
  if (facts.machines.every(({ containers, unreachable }) => containers.length === 0 && unreachable === undefined))
    throw new CommandError(`Stack ${stack} does not stand on ${facts.machines.map(({ machine }) => (machine === 'local' ? 'this machine' : machine)).join(' or ')}.`, [`\`${config?.profile === 'production' ? pulumis : ours}\` stands it up.`]);
  const up = isOurs ? ours : pulumis;
  const problems = judge(facts, { up, firewall: `npm run host -- firewall --stack ${stack}`, restore: `npm run restore${stackOption(stack) || ' --'} --from FILE` }, Date.now());
  const result: Status = { ...facts, ok: problems.length === 0, problems };
  console.log(json ? JSON.stringify(result, null, 2) : statusLines(result, Date.now()).join('\n'));
  return result.ok ? 0 : 1;
}
