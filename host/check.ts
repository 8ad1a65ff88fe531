import { judge, type Wanted } from './checks.ts';
import { gatherFacts } from './facts.ts';
import { plain } from './plain.ts';
import { HostError } from './shell.ts';

/**
 * Checks a machine before anything is changed there: `HOST_TARGET` names it, `HOST_WANTED` is a `Wanted` as JSON. Warnings go to standard output.
 * Exit code 1: all that is wrong is on standard error.
 */
const { HOST_TARGET: target = 'local', HOST_WANTED = '{}' } = process.env;
const wanted = JSON.parse(HOST_WANTED) as Wanted;
try {
  const facts = await gatherFacts(target, { names: wanted.front?.names ?? [], acmeDirectory: wanted.front?.acmeDirectory });
  const { problems, warnings } = judge(facts, wanted);
  for (const warning of warnings) console.log(plain(`warning: ${target}: ${warning}`));
  if (problems.length > 0) throw new HostError([`${target} is not ready; nothing was changed:`, ...problems.map((problem) => `  - ${problem}`)].join('\n'));
} catch (error) {
  console.error(error instanceof HostError ? error.message : error);
  process.exitCode = 1;
}
