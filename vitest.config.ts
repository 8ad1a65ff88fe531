import { defineConfig } from 'vitest/config';

// `unit` needs nothing; `conformance` runs the official suite against servers, bare and behind the gateway; `deployed` shares one
// stack of the embedded engine between its files; `keycloak` has Keycloaks of its own; `hosts` makes machines of its own; `tunnel` runs
// the end-to-end tests of `deployed` against a stack behind a simulation of Cloudflare (by test/tunnel/apart.ts), and switches its tier.
// `cli`, `cli-hosts` and `cli-tunnel` are the like, with the real Pulumi CLI.
// `live` looks at a stack that stands already, whoever deployed it: `npm run verify` runs it, and no other run does.
// One file at a time: each keeps the machine busy. What fails is tried once more and named as such at the end: machines are noisy.
const heavy = { testTimeout: 120_000, hookTimeout: 300_000, fileParallelism: false, retry: 1 };
const againstTheStack = { ...heavy, setupFiles: ['test/support/trust.ts'], hookTimeout: 600_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, retry: 1 } },
      { test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], ...heavy, hookTimeout: 60_000 } },
      {
        test: {
          name: 'deployed',
          include: ['test/stack/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/deploy-with-engine.ts'],
          ...againstTheStack,
        },
      },
      { test: { name: 'keycloak', include: ['test/keycloak/**/*.test.ts'], ...heavy, hookTimeout: 600_000 } },
      { test: { name: 'hosts', include: ['test/hosts/**/*.test.ts'], ...heavy } },
      { test: { name: 'cli-hosts', include: ['test/cli-hosts/**/*.test.ts'], ...heavy } },
      { test: { name: 'tunnel', include: ['test/tunnel/**/*.test.ts', 'test/e2e/**/*.test.ts'], globalSetup: ['test/tunnel/deploy.ts'], ...againstTheStack } },
      { test: { name: 'cli-tunnel', include: ['test/cli-tunnel/**/*.test.ts'], ...heavy, hookTimeout: 600_000, retry: 0 } },
      { test: { name: 'live', include: ['test/live/**/*.test.ts'], setupFiles: ['test/live/subject.ts', 'test/support/trust.ts'], testTimeout: 60_000, maxConcurrency: 50, pool: 'threads', isolate: false, fileParallelism: false } },
      { test: { name: 'cli', include: ['test/e2e/**/*.test.ts'], globalSetup: ['test/support/deploy-with-pulumi.ts'], ...againstTheStack } },
    ],
  },
});
