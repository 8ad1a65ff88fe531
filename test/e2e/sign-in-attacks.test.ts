import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Administrator, type Office } from '../support/administrator.ts';
import { CodeFlow } from '../support/code-flow.ts';
import { FormBrowser, type ShownPage } from '../support/form-browser.ts';
import { outputs, stack } from '../support/outputs.ts';

const victim = { username: 'victim', password: `${randomBytes(12).toString('base64url')}-aA1!` };
const authorizeUrl = () => flow.request('mcp:read').url.href;
const atForm = (username: string, password: string, headers: Record<string, string> = {}) => new FormBrowser({ username, password }, headers).openSignIn(authorizeUrl());
const attempt = async (...as: Parameters<typeof atForm>) => (await atForm(...as))();

let flow: CodeFlow;
let administrator: Administrator;
beforeAll(async () => {
  administrator = new Administrator(stack);
  administrator.run(deleteUser, victim.username);
  administrator.run(createUser, victim);
  flow = await CodeFlow.register('mcp:read');
});
afterAll(() => {
  administrator.run(deleteUser, victim.username);
  administrator.leave();
});

/** A page without what differs from sign-in to sign-in anyway: codes in URLs and scripts, and the name that was typed. */
const comparable = ({ status, text }: ShownPage, username: string) => ({
  status,
  text: text.replaceAll(/(session_code|execution|tab_id|client_data)=[^&"' ]*|"[\w+/=-]{40,}"/g, '').replaceAll(username, 'someone'),
});

describe('who tries names finds out nothing about who has an account', () => {
  it('a wrong password and an unknown name get the same page', async () => {
    const wrong = comparable(await attempt(victim.username, 'wrong'), victim.username);
    const unknown = comparable(await attempt('nobody-7f3a', 'wrong'), 'nobody-7f3a');
    expect(wrong.text).toContain('Invalid username or password');
    expect(unknown).toEqual(wrong);
  });

  // The fastest of several: what else this machine does only adds to the time.
  it('after about the same time: a password is hashed for nobody as well', { retry: 2 }, async () => {
    const fastest = { [victim.username]: Infinity, 'nobody-7f3a': Infinity };
    for (let round = 0; round < 6; round++)
      for (const name of Object.keys(fastest)) {
        administrator.run(forgive, undefined);
        const submit = await atForm(name, 'wrong');
        const started = performance.now();
        await submit();
        fastest[name] = Math.min(fastest[name]!, performance.now() - started);
      }
    expect(fastest['nobody-7f3a']! / fastest[victim.username]!).toBeGreaterThan(0.5);
  });

  it.each(['reset-credentials', 'registration'])('%s, where a name could be asked for, is closed', async (action) => {
    const browser = new FormBrowser(victim);
    expect((await browser.open(authorizeUrl())).text).not.toContain(`login-actions/${action}`);
    const page = await browser.open(`${outputs.issuer}/login-actions/${action}?client_id=${flow.clientId}`);
    // No form of that kind: an error, or back to the sign-in.
    expect([302, 400]).toContain(page.status);
    expect(page.text).not.toContain('<form');
  });
});

describe('who guesses passwords', () => {
  it('locks the account for a while, from however many addresses the guesses pretend to come', async () => {
    administrator.run(forgive, undefined);
    expect((await attempt(victim.username, victim.password)).status).toBe(302);
    for (let guess = 1; guess <= 12; guess++) await attempt(victim.username, `guess ${guess}`, { 'x-forwarded-for': `203.0.113.${guess}`, forwarded: `for=203.0.113.${guess}`, 'x-real-ip': `203.0.113.${guess}` });
    const right = comparable(await attempt(victim.username, victim.password), victim.username);
    expect(right.status).toBe(200);
    // Nor does the page tell that it was the right one.
    expect(right.text).toContain('Invalid username or password');
    const { disabled, lastIPFailure } = administrator.run(guesses, victim.username);
    expect(disabled).toBe(true);
    expect(lastIPFailure).not.toMatch(/^203\.0\.113\./);
  });

  it('locks nobody else who comes from the same address', async () => {
    expect((await attempt(outputs.testUser.username, outputs.testUser.password)).status).toBe(302);
  });
});

describe('the sign-in page', () => {
  it('cannot be framed, and its cookies are for this site over TLS alone (clickjacking, RFC 9700 §4.16)', async () => {
    const { headers } = await fetch(authorizeUrl());
    expect(headers.get('content-security-policy')).toMatch(/frame-ancestors '(self|none)'/);
    expect(headers.get('x-frame-options')).toMatch(/SAMEORIGIN|DENY/i);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.getSetCookie().length).toBeGreaterThan(0);
    for (const cookie of headers.getSetCookie()) expect(cookie).toMatch(/;\s*Secure/i);
  });

  it('takes a password only from the browser that opened it (login CSRF)', async () => {
    const page = await (await fetch(authorizeUrl())).text();
    const action = /action="([^"]+)"/.exec(page)![1]!.replaceAll('&amp;', '&');
    const answer = await fetch(action, { method: 'POST', redirect: 'manual', body: new URLSearchParams(outputs.testUser) });
    expect(answer.headers.get('location') ?? '').not.toContain('code=');
    expect(answer.headers.getSetCookie().join()).not.toContain('KEYCLOAK_IDENTITY');
  });
});

async function createUser({ origin, admin }: Office, { username, password }: typeof victim): Promise<void> {
  const user = { username, enabled: true, emailVerified: true, email: `${username}@example.org`, firstName: 'A', lastName: 'Victim', credentials: [{ type: 'password', value: password, temporary: false }] };
  const created = await fetch(`${origin}/admin/realms/main/users`, { method: 'POST', headers: admin, body: JSON.stringify(user) });
  if (created.status !== 201) throw new Error(`user: ${created.status} ${await created.text()}`);
}

async function deleteUser({ origin, admin }: Office, username: string): Promise<void> {
  const users = (await (await fetch(`${origin}/admin/realms/main/users?exact=true&username=${username}`, { headers: admin })).json()) as { id: string }[];
  for (const { id } of users) await fetch(`${origin}/admin/realms/main/users/${id}`, { method: 'DELETE', headers: admin });
}

async function forgive({ origin, admin }: Office): Promise<void> {
  await fetch(`${origin}/admin/realms/main/attack-detection/brute-force/users`, { method: 'DELETE', headers: admin });
}

async function guesses({ origin, admin }: Office, username: string): Promise<{ disabled: boolean; lastIPFailure: string }> {
  const [user] = (await (await fetch(`${origin}/admin/realms/main/users?exact=true&username=${username}`, { headers: admin })).json()) as { id: string }[];
  return (await fetch(`${origin}/admin/realms/main/attack-detection/brute-force/users/${user!.id}`, { headers: admin })).json() as Promise<{ disabled: boolean; lastIPFailure: string }>;
}
