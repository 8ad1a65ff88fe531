import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { printed } from '../support/npm-run.ts';
import { runJob, type Ran } from '../support/workflow.ts';

// The workflows' own scripts, with previews of the embedded engine in place of a machine that is reached by ssh. GitHub itself is away: `gh` writes down
// what it was asked for.
const name = 'pr-4711';
const contexts = { 'github.event.number': '4711', 'github.token': 'a-token', 'github.repository': 'example/drawbridge' };
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-workflow-'));
const asked = join(folder, 'asked');
const environment = { TEMPLATE: 'local', RUNNER_TEMP: folder, GITHUB_ENV: join(folder, 'env'), PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}` };
const run = (file: string, job: string) => runJob(file, job, contexts, environment);
const outcomes = (ran: readonly Ran[]) => Object.fromEntries(ran.map(({ step, outcome }) => [step, outcome]));
const previews = async () => (JSON.parse(await printed('preview', 'list', '--json')) as { name: string }[]).map((preview) => preview.name);

beforeAll(() => {
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/gh'), `#!/bin/sh\n{ printf '%s\\n' "$*"; cat; } >> '${asked}'\n`);
  chmodSync(join(folder, 'bin/gh'), 0o755);
});
afterAll(async () => {
  await printed('preview', 'down', '--name', name);
  rmSync(folder, { recursive: true });
});

it('a pull request that is opened gets a stack, verified, and a comment with its URL and without its password', async () => {
  const ran = await run('preview.yml', 'up');
  expect(outcomes(ran), ran.map(({ output }) => output).join('\n')).toEqual({
    'Look whether there is a stack to make it from': 'success',
    'Let ssh in to the preview machine': 'success',
    'Stand the preview up': 'success',
    'Verify it from here, which is outside of its network': 'success',
    'Say so on the pull request': 'success',
    'Fail where it does not do what it should': 'skipped',
  });
  expect(await previews()).toContain(name);
  const { url, outputs } = JSON.parse(readFileSync(join(folder, 'preview.json'), 'utf8')) as { url: string; outputs: { testUser: { password: string } } };
  const comment = readFileSync(asked, 'utf8');
  expect(comment).toMatch(/^pr comment 4711 --edit-last --create-if-none --body-file -\n/);
  expect(comment).toContain(`\`${url}\``);
  expect(comment).toMatch(/\| verified \| yes: \d+ passed, 0 failed/);
  for (const text of [comment, ...ran.map(({ output }) => output)]) expect(text).not.toContain(outputs.testUser.password);
}, 600_000);

it('one that is not as it should be fails the workflow, and the comment says what is wrong', async () => {
  rmSync(asked);
  const ran = await runJob('preview.yml', 'up', contexts, { ...environment, DRAWBRIDGE_TOKEN: 'no-token-of-this-stack' });
  expect(outcomes(ran)).toMatchObject({ 'Say so on the pull request': 'success', 'Fail where it does not do what it should': 'failure' });
  expect(readFileSync(asked, 'utf8')).toMatch(/\| verified \| \*\*no\*\*: [^]*- to do: /);
}, 600_000);

it('the sweep leaves what is young', async () => {
  expect(outcomes(await run('sweep.yml', 'sweep'))).toMatchObject({ 'Take down all previews that are older than three days': 'success' });
  expect(await previews()).toContain(name);
}, 300_000);

it('one that is closed takes its stack along, with a receipt', async () => {
  const ran = await run('preview.yml', 'down');
  expect(outcomes(ran)).toMatchObject({ 'Take the preview down, and fail where anything is left': 'success' });
  expect(ran.at(-1)!.output).toContain(`drawbridge-${name}-server`);
  expect(await previews()).not.toContain(name);
  expect(existsSync(join(folder, 'env'))).toBe(false);
}, 300_000);
