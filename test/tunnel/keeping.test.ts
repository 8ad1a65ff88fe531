import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { printed } from '../support/npm-run.ts';
import { outputs, stack } from '../support/outputs.ts';
import { StandingStack } from '../support/standing-stack.ts';
import { tunnelStack } from './stack.ts';

it('behind a tunnel a stack is backed up and restored, with its account at the CA left alone: whoever was signed in still is', { timeout: 600_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-tunnel-keeping-'));
  try {
    const flow = await CodeFlow.register('mcp:read');
    const { url, exchange } = flow.request('mcp:read');
    const code = (await new FormBrowser(outputs.testUser).authorize(url.href, flow.redirectUrl)).get('code')!;
    const signedIn = (await (await flow.token({ ...exchange, code })).json()) as Tokens;
    const before = new StandingStack(tunnelStack(inject('cloudflare'))).containers();

    const file = join(directory, 'tunnel.age');
    const saved = JSON.parse(await printed('backup', '--stack', stack, '--to', file, '--json')) as { parts: { name: string }[] };
    const names = saved.parts.map(({ name }) => name);
    expect(names).toContain('database');
    expect(names).not.toContain('acme');
    expect(JSON.parse(await printed('restore', '--stack', stack, '--from', file, '--yes', '--json'))).toMatchObject({ replaced: names, leftOut: [] });

    expect((await mcpRequest({ token: signedIn.access_token })).status).toBe(200);
    expect((await flow.refresh(signedIn.refresh_token!)).status).toBe(200);
    expect(new StandingStack(tunnelStack(inject('cloudflare'))).containers()).toEqual(before);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
