import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { challengeOf, mcpRequest } from '../support/mcp-request.ts';
import { outputs, resource, stack } from '../support/outputs.ts';
import { issueWrongTokens, type WronglyIssued } from '../support/wrong-tokens.ts';

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

let person: Person;
let flow: CodeFlow;
let reader: Tokens;
let signedWrong: WronglyIssued;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  flow = await CodeFlow.register('openid mcp:read mcp:write offline_access');
  reader = await flow.signIn(person, 'openid mcp:read offline_access');
  signedWrong = await issueWrongTokens(stack, resource.url);
});
afterAll(() => person.leave());

describe('a request without a token', () => {
  it('gets 401 with the path-inserted metadata URL and the scope to ask for (RFC 9728 §5.1)', async () => {
    const response = await mcpRequest();
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toMatchObject({ resource_metadata: resource.metadataUrl, scope: 'mcp:read' });
  });

  it('gets the same at the path with a trailing slash, without a redirect', async () => {
    const response = await mcpRequest({ url: `${resource.url}/` });
    expect(response.status).toBe(401);
    expect(challengeOf(response).resource_metadata).toBe(resource.metadataUrl);
  });
});

describe('a token that is none, or none for this resource, gets 401 invalid_token', () => {
  const forged = (claims: object) => {
    const payload = JSON.parse(Buffer.from(reader.access_token.split('.')[1]!, 'base64url').toString()) as object;
    return `${reader.access_token.split('.')[0]}.${encode({ ...payload, ...claims })}.${reader.access_token.split('.')[2]}`;
  };
  const tokens: [string, () => string][] = [
    ['garbage', () => 'garbage'],
    ['one with alg none (RFC 8725 §3.1)', () => `${encode({ alg: 'none', typ: 'JWT' })}.${reader.access_token.split('.')[1]}.`],
    ['one of the right issuer for another resource (RFC 8707 §2)', () => signedWrong.audience],
    ['one of another realm of the same Keycloak', () => signedWrong.issuer],
    ['one that has expired', () => signedWrong.expired],
    ['an ID token (RFC 8725 §3.11)', () => reader.id_token!],
    ['one whose issuer was changed', () => forged({ iss: 'https://issuer.example/auth/realms/main' })],
    ['one whose expiry was changed', () => forged({ exp: 4_102_444_800 })],
    ['one whose scope was changed', () => forged({ scope: 'mcp:read mcp:write' })],
    ['a refresh token', () => reader.refresh_token!],
  ];
  it.each(tokens)('%s', async (_, token) => {
    const response = await mcpRequest({ token: token() });
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toMatchObject({ error: 'invalid_token', resource_metadata: resource.metadataUrl });
  });
});

describe('a right token', () => {
  it('is accepted', async () => {
    expect((await mcpRequest({ token: reader.access_token })).status).toBe(200);
  });

  it('is never taken from the query string (OAuth 2.1 §5.1.1)', async () => {
    const response = await mcpRequest({ url: `${resource.url}?access_token=${reader.access_token}` });
    expect([400, 401]).toContain(response.status);
  });

  it('without the scope of a tool gets 403 with every scope the tool needs, at once', async () => {
    const response = await mcpRequest({ token: reader.access_token, tool: 'note_write', arguments: { text: 'x' } });
    expect(response.status).toBe(403);
    const challenge = challengeOf(response);
    expect(challenge).toMatchObject({ error: 'insufficient_scope', resource_metadata: resource.metadataUrl });
    expect(challenge.scope?.split(' ').sort()).toEqual(['mcp:read', 'mcp:write']);
  });

  it('from a page of a foreign origin gets 403', async () => {
    expect((await mcpRequest({ token: reader.access_token, headers: { origin: 'https://attacker.example' } })).status).toBe(403);
  });
});

describe('refresh tokens', () => {
  it('rotate, and one that was used before is refused (OAuth 2.1 §4.3.1)', async () => {
    const { refresh_token: first } = await flow.signIn(person, 'mcp:read offline_access');
    const rotated = (await (await flow.refresh(first!)).json()) as Tokens;
    expect(rotated.refresh_token).not.toBe(first);
    const statuses = [(await flow.refresh(first!)).status, (await flow.refresh(first!)).status];
    expect(statuses.at(-1)).toBe(400);
  });
});
