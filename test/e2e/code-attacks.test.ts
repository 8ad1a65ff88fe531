import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { decodeJwt } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';
import { outputs, resource } from '../support/outputs.ts';

// What an attacker tries who reads an authorization response, has a client of their own, or makes a person open a link.
// What they register is in registration.test.ts; what they do with tokens, in tokens.test.ts and servers.test.ts.

const scope = 'mcp:read offline_access';
let flow: CodeFlow;
beforeAll(async () => {
  flow = await CodeFlow.register(scope);
});

/** A code that the test's user agreed to, and what it is to be exchanged with. */
async function obtain(changed: Record<string, string> = {}) {
  const { url, exchange } = flow.request(scope, changed);
  const callback = await new FormBrowser(outputs.testUser).authorize(url.href, flow.redirectUrl);
  return { callback, exchange: { ...exchange, code: callback.get('code') ?? '' } };
}

const refusal = async (response: Response) => ({ status: response.status, ...((await response.json()) as { error?: string; access_token?: string }) });

describe('an authorization code', () => {
  // Keycloak takes back an online session; one of offline_access stays.
  it('works once, and a second use takes back what the first one got (RFC 6749 §4.1.2)', async () => {
    const { exchange } = await obtain({ scope: 'mcp:read' });
    const first = (await (await flow.token(exchange)).json()) as Tokens;
    expect(first.access_token).toBeTruthy();
    expect(await refusal(await flow.token(exchange))).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(await refusal(await flow.refresh(first.refresh_token!))).toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  const thefts: Record<string, (exchange: Record<string, string>) => Record<string, string>> = {
    'by another client': (exchange) => ({ ...exchange, client_id: thief.clientId }),
    'with another redirect URI': (exchange) => ({ ...exchange, redirect_uri: 'http://localhost:43111/other' }),
    'without the verifier': ({ code_verifier: _, ...exchange }) => exchange,
    'with a verifier of their own': (exchange) => ({ ...exchange, code_verifier: 'a'.repeat(43) }),
  };
  let thief: CodeFlow;
  beforeAll(async () => {
    thief = await CodeFlow.register(scope);
  });
  it.each(Object.keys(thefts))('cannot be exchanged %s', async (theft) => {
    const { exchange } = await obtain();
    expect(exchange.code).not.toBe('');
    const answer = await refusal(await flow.token(thefts[theft]!(exchange)));
    expect(answer).toMatchObject({ status: 400, error: 'invalid_grant' });
    expect(answer).not.toHaveProperty('access_token');
  });

  it('cannot be exchanged with the challenge, which stands in the browser history (PKCE downgrade, RFC 9700 §2.1.1)', async () => {
    const { url, exchange } = flow.request(scope);
    const code = (await new FormBrowser(outputs.testUser).authorize(url.href, flow.redirectUrl)).get('code')!;
    expect(await refusal(await flow.token({ ...exchange, code, code_verifier: url.searchParams.get('code_challenge')! }))).toMatchObject({ status: 400, error: 'invalid_grant' });
  });
});

describe('a client cannot be talked into', () => {
  const downgrades: [string, Record<string, string>][] = [
    ['PKCE with plain', { code_challenge_method: 'plain' }],
    ['PKCE without a method, which means plain (RFC 7636 §4.3)', { code_challenge_method: '' }],
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }],
    ['the implicit grant', { response_type: 'token', nonce: 'n' }],
    ['a token beside the code', { response_type: 'code token', nonce: 'n' }],
    ['no PKCE, in an unsigned request object (RFC 9101)', { code_challenge: '', code_challenge_method: '', request: unsigned({ response_type: 'code' }) }],
  ];
  it.each(downgrades)('%s', async (_, changed) => {
    // Refused before its user is asked anything.
    const { headers } = await fetch(flow.request(scope, changed).url, { redirect: 'manual' });
    expect(headers.get('location')).toMatch(/^http:\/\/localhost:43111\/callback[?#].*error=(invalid_request|unauthorized_client|unsupported_response_type)/);
  });
});

function unsigned(claims: object): string {
  return `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
}

describe('a redirect URI is compared whole (RFC 9700 §2.1): no code goes', () => {
  const tricks = [
    'http://localhost:43111/callback/', 'http://localhost:43111/callback/..', 'http://localhost:43111/callback/../evil', 'http://localhost:43111/callback/%2e%2e/evil',
    'http://localhost:43111/callback?next=https://evil.example', 'http://localhost:43111/callback#', 'http://localhost:43111/callback%23', 'http://localhost:43111/Callback',
    'http://localhost:43111//callback', 'http://localhost:43111/callback;x', 'http://localhost:43111/callbackevil', 'http://localhost:43111/call%62ack', 'https://localhost:43111/callback',
    'http://localhost:43111@evil.example/callback', 'http://localhost.evil.example:43111/callback', 'http://evil.example:43111/callback', 'http://evil.example/?http://localhost:43111/callback',
    'http://localhost:43111\\@evil.example/callback', 'http://evil.example#http://localhost:43111/callback', '//evil.example/callback', 'javascript:alert(1)//localhost:43111/callback',
    'data:text/html,x', 'http://localhost:43111/callback http://evil.example', ' http://localhost:43111/callback', 'http://localhost:43111/callback\r\nLocation: http://evil.example', 'http://localhost:43111/*',
  ];
  const ask = (redirectUri: string) => fetch(flow.request(scope, { redirect_uri: redirectUri }).url, { redirect: 'manual' });

  it.each(tricks)('to %j', async (redirectUri) => {
    const answer = await ask(redirectUri);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
  });

  it('nor to one in an unsigned request object', async () => {
    const answer = await fetch(flow.request(scope, { request: unsigned({ redirect_uri: 'http://evil.example/callback' }) }).url, { redirect: 'manual' });
    expect(answer.headers.get('location') ?? '').not.toContain('evil.example');
    expect(answer.status).toBe(400);
  });

  it('but the one that was registered is good, and errors go there too', async () => {
    expect((await ask(flow.redirectUrl)).status).toBe(200);
    const silent = await fetch(flow.request(scope, { prompt: 'none' }).url, { redirect: 'manual' });
    expect(silent.headers.get('location')).toMatch(/^http:\/\/localhost:43111\/callback\?/);
  });
});

describe('an issuer mix-up (RFC 9207)', () => {
  it('is seen by the client: a refusal names the issuer as well', async () => {
    const { callback } = await obtain({ scope: 'mcp:read no-such-scope' });
    expect(callback.get('error')).toBe('invalid_scope');
    expect(callback.get('iss')).toBe(outputs.issuer);
  });

  it.each([
    ['of another issuer', 'https://attacker.example/auth/realms/main'],
    ['of another realm of the same host', outputs.issuer.replace(/[^/]+$/, 'master')],
    ['of an issuer that differs by a slash', `${outputs.issuer}/`],
    ['that names no issuer, though the metadata promises one', undefined],
  ])('the SDK takes no code from a response %s', async (_, iss) => {
    const memory = new OAuthMemory('drawbridge mix-up');
    const transport = new StreamableHTTPClientTransport(new URL(resource.url), { authProvider: memory });
    await expect(new Client({ name: 'mix-up', version: '1' }).connect(transport)).rejects.toThrow();
    const callback = await new FormBrowser(outputs.testUser).authorize(memory.authorizationUrl!.href, memory.redirectUrl);
    if (iss) callback.set('iss', iss);
    else callback.delete('iss');
    await expect(transport.finishAuth(callback)).rejects.toThrow(/iss/i);
    expect(memory.granted).toBeUndefined();
  });
});

describe('a refresh token', () => {
  const signedIn = async () => (await (await flow.token((await obtain()).exchange)).json()) as Tokens;

  it('is of no use to another client', async () => {
    const thief = await CodeFlow.register(scope);
    expect(await refusal(await thief.refresh((await signedIn()).refresh_token!))).toMatchObject({ status: 400, error: 'invalid_grant' });
  });

  it.each([['mcp:read mcp:write'], ['files:read']])('gets nothing that its user did not agree to: %s', async (wider) => {
    const { refresh_token, scope: agreed } = await signedIn();
    const answer = (await (await flow.token({ grant_type: 'refresh_token', refresh_token: refresh_token!, scope: wider })).json()) as Partial<Tokens>;
    // Keycloak leaves out what was not agreed to; RFC 6749 §6 would have it refuse.
    expect(agreed.split(' ')).toEqual(expect.arrayContaining(answer.scope?.split(' ') ?? []));
    if (answer.access_token) expect(agreed.split(' ')).toEqual(expect.arrayContaining(String(decodeJwt(answer.access_token).scope).split(' ')));
  });

  it('of one server opens no other, whatever `resource` is asked for', async () => {
    const { exchange } = await obtain({ resource: outputs.resources.files!.url });
    const { access_token } = (await (await flow.token({ ...exchange, resource: outputs.resources.files!.url })).json()) as Tokens;
    expect((await mcpRequest({ token: access_token })).status).toBe(200);
    expect((await mcpRequest({ token: access_token, url: outputs.resources.files!.url })).status).toBe(401);
  });
});

describe('nobody gets a token without a person who agrees at a browser', () => {
  const { username, password } = outputs.testUser;
  const grants: [string, Record<string, string>][] = [
    ['a password', { grant_type: 'password', username, password, scope: 'openid mcp:read' }],
    ['a password, at a client that Keycloak brings along', { grant_type: 'password', username, password, client_id: 'admin-cli' }],
    ['client credentials', { grant_type: 'client_credentials', scope: 'mcp:read' }],
    ['a token of someone (RFC 8693)', { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: 'x', subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }],
    ['an assertion (RFC 7523)', { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'x' }],
    ['a device code (RFC 8628)', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x' }],
    ['a call back (CIBA)', { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id: 'x' }],
    ['a permission ticket (UMA)', { grant_type: 'urn:ietf:params:oauth:grant-type:uma-ticket', ticket: 'x' }],
  ];
  it.each(grants)('for %s', async (_, parameters) => {
    const answer = await refusal(await flow.token(parameters));
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer).not.toHaveProperty('access_token');
    expect(['unauthorized_client', 'unsupported_grant_type', 'invalid_grant', 'invalid_request', 'invalid_client']).toContain(answer.error);
  });
});
