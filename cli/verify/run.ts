import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { Config } from '../../infra/config.ts';
import type { StackOutputs } from '../../test/support/outputs.ts';
import type { Looks } from '../../test/live/subject.ts';
import type { Finding } from '../../test/live/finding.ts';
import { CommandError } from '../errors.ts';
import { projectDirectory } from '../stack-file.ts';

/** One thing that was looked at, as a sentence, and what came of it. */
export interface Check extends Partial<Finding> {
  /** What was looked at: `The way in: mcp.example.org`. None for what spans all. */
  readonly area: string;
  readonly check: string;
  readonly result: 'passed' | 'failed' | 'not looked at';
  /** Why it was not looked at. */
  readonly reason?: string;
}

/** A stack that is looked at. */
export interface Subject {
  readonly stack: string;
  readonly config: Config;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** Reads what became of each test, in the order in which they are written. */
class Checks implements Reporter {
  found: readonly Check[] = [];
  /** Mistakes of ours, such as a file that does not load: they must not look like nothing was wrong. */
  errors: readonly string[] = [];
  readonly #onCheck: () => void;

  /** @param onCheck told of each check that was made */
  constructor(onCheck: () => void) {
    this.#onCheck = onCheck;
  }

  onTestCaseResult(): void {
    this.#onCheck();
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly { message?: string }[]): void {
    // What is thrown in a reporter is printed and passed over.
    this.errors = [...modules.flatMap((module) => [module, ...module.children.allSuites()].flatMap((each) => each.errors())), ...unhandled].map(({ message }) => String(message));
    this.found = modules.flatMap((module) => [...module.children.allTests()].map(checkOf)).sort((one, other) => orderOf(one) - orderOf(other));
  }
}

/** The outermost first: what is wrong there is the cause of the rest. */
const ORDER = ['The way in', '', 'The documents', 'Without', 'What must be closed', 'The rules', 'With a', 'Staying'];
const orderOf = ({ area }: Check) => ORDER.findIndex((start) => (start === '' ? area === '' : area.startsWith(start)));

function checkOf(test: TestCase): Check {
  const { parent } = test;
  const outermost = (suite: typeof parent): string => (suite.type === 'module' ? '' : suite.parent.type === 'module' ? suite.name : outermost(suite.parent));
  const area = outermost(parent);
  const check = area ? test.fullName.slice(area.length + ' > '.length).replaceAll(' > ', ' ') : test.name;
  const { state, errors, note } = test.result() as { state: string; errors?: readonly { message: string; finding?: Finding }[]; note?: string };
  if (state === 'skipped') return { area, check, result: 'not looked at', reason: note ?? 'no reason is known' };
  if (state === 'passed') return { area, check, result: 'passed' };
  const [error] = errors ?? [];
  return { area, check, result: 'failed', ...(error?.finding ?? { expected: 'an end of this check', found: error?.message ?? 'nothing', remedy: 'This may be a mistake of the check’s own.' }) };
}

/**
 * Makes the checks of test/live. Outputs and tokens go to its workers in memory, never by a file or an argument, and the stack's CA
 * is trusted by those workers alone.
 * @throws CommandError where they could not be made, all of them
 */
export async function look({ stack, config, outputs }: Subject, looks: Looks, onCheck: () => void): Promise<readonly Check[]> {
  // Vitest takes a second to load, which no other command has to wait for.
  const { startVitest } = await import('vitest/node');
  const checks = new Checks(onCheck);
  const vitest = await startVitest([], {
    root: projectDirectory,
    project: ['live'],
    watch: false,
    // Not every stack has everything that is looked at.
    passWithNoTests: true,
    reporters: [checks],
    provide: { stack, config: config as unknown as Record<string, unknown>, outputs: outputs as unknown as StackOutputs, looks },
  });
  await vitest.close();
  if (checks.found.length === 0 && checks.errors.length === 0) throw new CommandError('There was nothing to look at.');
  if (checks.errors.length > 0) throw new CommandError(`The checks could not be made: ${checks.errors.join('; ')}`);
  return checks.found;
}
