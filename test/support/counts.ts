import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** What a run of vitest leaves behind. */
export interface Counts {
  passed: number;
  failed: number;
  /** What failed, and what passed only when it was repeated: where, and the first error. */
  broken: string[];
  repeated: string[];
}

/**
 * Leaves the counts as JSON in the file that the environment names. A run that fails without a failed test (a file that cannot be
 * loaded, an error between tests, no tests at all) counts as one failure, so that these and the exit code never disagree.
 */
export default class CountsReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, broken: [], repeated: [] };

  onInit(): void {
    process.on('exit', (code) => {
      const outside = code !== 0 && this.#counts.failed === 0 ? { failed: 1, broken: ['a run, outside of its tests: it says above why'] } : {};
      writeFileSync(process.env.COUNTS_FILE!, JSON.stringify({ ...this.#counts, ...outside }));
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly { message?: string }[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const failed = tests.filter((test) => test.result().state === 'failed');
    // A module that cannot be loaded, a hook that fails: their tests were skipped.
    const broken = [
      ...suites.flatMap((suite) => suite.errors().map((error) => line('module' in suite ? `${suite.module.relativeModuleId} > ${suite.fullName}` : suite.relativeModuleId, error))),
      ...unhandledErrors.map((error) => line('between tests', error)),
    ];
    this.#counts = {
      passed: tests.filter((test) => test.result().state === 'passed').length,
      failed: failed.length + broken.length,
      broken: [...failed.map(described), ...broken],
      repeated: tests.filter((test) => test.diagnostic()?.flaky).map(described),
    };
  }
}

const described = (test: TestCase): string => line(`${test.project.name} ${test.module.relativeModuleId} > ${test.fullName}`, test.result().errors?.[0]);
const line = (where: string, error: { message?: string } | undefined): string => `${where}\n    ${(error?.message ?? 'without an error').split('\n').slice(0, 6).join('\n    ')}`;
