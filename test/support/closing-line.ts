import { writeSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a run with the line `N passed, N failed`, after everything else that is printed. A run that fails without a failed
 * test (a file that cannot be loaded, an error between tests, no tests at all) counts as one failure, so that the line and
 * the exit code never disagree.
 */
export default class ClosingLine implements Reporter {
  #passed = 0;
  #failed = 0;

  onInit(): void {
    process.on('exit', (code) => {
      const failed = code !== 0 && this.#failed === 0 ? 1 : this.#failed;
      writeSync(1, `${this.#passed} passed, ${failed} failed\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const broken = modules.filter((module) => module.errors().length > 0).length;
    this.#passed = results.filter((state) => state === 'passed').length;
    this.#failed = results.filter((state) => state === 'failed').length + broken + unhandledErrors.length;
  }
}
