import { defineConfig } from 'vitest/config';

// Three levels. `unit` needs nothing; `deployed` shares one stack of the embedded engine between its files; `cli` runs the
// same end-to-end tests against a stack that the real Pulumi CLI stood up.
// One file at a time: Chromium drops its connections whenever a Docker network comes or goes beside it.
const againstTheStack = { setupFiles: ['test/support/trust.ts'], testTimeout: 120_000, hookTimeout: 600_000, fileParallelism: false };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      {
        test: {
          name: 'deployed',
          include: ['test/stack/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/deploy-with-engine.ts'],
          ...againstTheStack,
        },
      },
      { test: { name: 'cli', include: ['test/e2e/**/*.test.ts'], globalSetup: ['test/support/deploy-with-pulumi.ts'], ...againstTheStack } },
    ],
  },
});
