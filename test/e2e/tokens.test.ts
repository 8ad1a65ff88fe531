import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { CodeFlow, type Tokens } from '../support/code-flow.ts';
import { challengeOf, mcpRequest } from '../support/mcp-request.ts';
import { outputs, resource, stack } from '../support/outputs.ts';
import { issueWrongTokens, type WronglyIssued } from '../support/wrong-tokens.ts';

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

const servers = Object.entries(outputs.resources);

let person: Person;
let flow: CodeFlow;
let reader: Tokens;
/** One token for all servers, so that each of them has something to refuse in what is changed about it. */
let wide: Tokens;
let signedWrong: Record<string, WronglyIssued>;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  const bases = servers.map(([, { scopes }]) => scopes[0]).join(' ');
  flow = await CodeFlow.register(`openid mcp:write offline_access ${bases}`);
  reader = await flow.signIn(person, 'openid mcp:read offline_access');
  wide = await flow.signIn(person, `openid offline_access ${bases}`);
  signedWrong = issueWrongTokens(stack, servers.map(([, { url }]) => url));
});
afterAll(() => person.leave());

// Behind each is a backend of another kind: what the gateway refuses, it refuses before it looks at the backend.
describe.each(servers)('%s: a request without a token', (_name, { url, metadataUrl, scopes }) => {
  it('gets 401 with the path-inserted metadata URL and the scope to ask for (RFC 9728 §5.1)', async () => {
    const response = await mcpRequest({ url });
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toMatchObject({ resource_metadata: metadataUrl, scope: scopes[0] });
  });

  it('gets the same at the path with a trailing slash, without a redirect', async () => {
    const response = await mcpRequest({ url: `${url}/` });
    expect(response.status).toBe(401);
    expect(challengeOf(response).resource_metadata).toBe(metadataUrl);
  });
});

describe.each(servers)('%s: a token that is none, or none for this resource, gets 401 invalid_token', (_name, { url, metadataUrl }) => {
  const part = (index: number) => wide.access_token.split('.')[index]!;
  const forged = (claims: object) => {
    const payload = JSON.parse(Buffer.from(part(1), 'base64url').toString()) as object;
    return `${part(0)}.${encode({ ...payload, ...claims })}.${part(2)}`;
  };
  const tokens: [string, () => string][] = [
    ['garbage', () => 'garbage'],
    ['one with alg none (RFC 8725 §3.1)', () => `${encode({ alg: 'none', typ: 'JWT' })}.${part(1)}.`],
    ['one of the right issuer for another resource (RFC 8707 §2)', () => signedWrong[url]!.audience],
    ['one of another realm of the same Keycloak', () => signedWrong[url]!.issuer],
    ['one that has expired', () => signedWrong[url]!.expired],
    ['an ID token (RFC 8725 §3.11)', () => wide.id_token!],
    ['one whose issuer was changed', () => forged({ iss: 'https://issuer.example/auth/realms/main' })],
    ['one whose expiry was changed', () => forged({ exp: 4_102_444_800 })],
    ['one whose scope was changed', () => forged({ scope: 'mcp:read mcp:write' })],
    ['a refresh token', () => wide.refresh_token!],
  ];
  it.each(tokens)('%s', async (_, token) => {
    const response = await mcpRequest({ url, token: token() });
    expect(response.status).toBe(401);
    expect(challengeOf(response)).toMatchObject({ error: 'invalid_token', resource_metadata: metadataUrl });
  });

  it('and a good one in the query string or from a page of a foreign origin is of no use', async () => {
    expect([400, 401]).toContain((await mcpRequest({ url: `${url}?access_token=${wide.access_token}` })).status);
    expect((await mcpRequest({ url, token: wide.access_token, headers: { origin: 'https://attacker.example' } })).status).toBe(403);
  });
});

describe('a right token', () => {
  it('is accepted', async () => {
    expect((await mcpRequest({ token: reader.access_token })).status).toBe(200);
  });

  it('without the scope of a tool gets 403 with every scope the tool needs, at once', async () => {
    const response = await mcpRequest({ token: reader.access_token, tool: 'note_write', arguments: { text: 'x' } });
    expect(response.status).toBe(403);
    const challenge = challengeOf(response);
    expect(challenge).toMatchObject({ error: 'insufficient_scope', resource_metadata: resource.metadataUrl });
    expect(challenge.scope?.split(' ').sort()).toEqual(['mcp:read', 'mcp:write']);
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
