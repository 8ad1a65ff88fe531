import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import type { Tokens } from '../support/code-flow.ts';
import { outputs, resource } from '../support/outputs.ts';
import { chatgpt } from './journeys/chatgpt.ts';
import { claudeCode } from './journeys/claude-code.ts';
import { claude, olderClaude } from './journeys/claude.ts';
import { cursor } from './journeys/cursor.ts';
import { Journey } from './journeys/journey.ts';
import { vscode, vscodeWithoutScopes } from './journeys/vscode.ts';

// The clients of the field that cannot run here, each by its own sequence of requests. Those on npm run themselves:
// see clients.test.ts, mcp-remote.test.ts and inspector.test.ts.

let person: Person;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
});
afterAll(() => person.leave());

const aud = (tokens: Tokens) => decodeJwt(tokens.access_token).aud;

describe.each([claude, claudeCode, chatgpt, vscode, cursor])('$name, which knows nothing but the URL,', (client) => {
  const journey = new Journey(client, resource.url);
  let registered: Awaited<ReturnType<Journey['register']>>;
  let tokens: Tokens;

  it('finds the authorization server in its own order', async () => {
    const { resource: described, server } = await journey.discover();
    // Compared as strings: a slash more or less is another resource, another issuer.
    expect(described.resource).toBe(resource.url);
    expect(server.issuer).toBe(described.authorization_servers[0]);
    expect(journey.asked.filter((asked) => asked.endsWith(' 200'))).toHaveLength(2);
  });

  it('registers itself, and may send its user to each of its redirect URIs', async () => {
    registered = await journey.register();
    for (const redirectUri of journey.redirectUris) {
      const page = await fetch(journey.authorizationUrl(registered, redirectUri), { redirect: 'manual' });
      expect([page.status, redirectUri]).toEqual([200, redirectUri]);
    }
  });

  it('gets its user back after the sign-in, with a token for this server alone', async () => {
    const signedIn = await journey.signIn(person, registered);
    tokens = signedIn.tokens;
    expect(signedIn.callback.get('state')).toBe(client.state);
    expect(signedIn.callback.get('iss')).toBe(outputs.issuer);
    expect(aud(tokens)).toBe(resource.url);
    expect(tokens.scope.split(' ')).toEqual(expect.arrayContaining(client.scope(journey.found).split(' ')));
  });

  const talks = async () => {
    const answers = await journey.converse(tokens.access_token);
    for (const { asked, status, error } of answers) {
      if (asked.id === undefined) expect(status).toBe(202);
      // Not every server has what every client asks for.
      else if (error) expect([asked.method, error.code]).toEqual([expect.stringMatching(/^(prompts|resources)\/list$/), -32601]);
    }
    const results = new Map(answers.map(({ asked, result }) => [asked.method, JSON.stringify(result)]));
    expect(results.get('tools/list')).toContain('"whoami"');
    expect(results.get('tools/call')).toContain(outputs.testUser.username);
  };

  it('has its conversation up to the answer of a tool', talks);

  it.runIf(client.opensStream)('is told whether there is a stream to listen to', async () => {
    expect([200, 405]).toContain(await journey.openStream(tokens.access_token));
  });

  it('refreshes, and goes on without asking its user', async () => {
    const refreshed = await journey.refresh(registered, tokens);
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
    expect(aud(refreshed)).toBe(resource.url);
    tokens = refreshed;
    await talks();
  });

  it('needs no registration where its user gives it the id that was made for it', async () => {
    const given = await journey.signIn(person, { client_id: outputs.clients[client.name]! }, journey.redirectUris.at(-1));
    expect(aud(given.tokens)).toBe(resource.url);
    tokens = given.tokens;
    await talks();
  });
});

describe('vscode', () => {
  it('asks for every scope that the authorization server lists where a resource names none, and is not refused', async () => {
    const journey = new Journey(vscodeWithoutScopes, resource.url);
    await journey.discover();
    const { tokens } = await journey.signIn(person, await journey.register());
    expect(tokens.scope.split(' ')).toContain('mcp:write');
    // It refreshes what expires within five minutes before each request, and sends several at a time: a token that never lasts
    // longer would be refreshed by all of them, which ends the sign-in (extHostAuthentication.ts, getSessions).
    expect(tokens.expires_in).toBeGreaterThan(300);
  });
});

describe('claude of an older trace, from before protected resource metadata,', () => {
  it('offers 2024-11-05, finds the metadata on the root of the MCP host, and registers with a scope that nobody has', async () => {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    expect((await fetch(resource.url, { method: 'POST', headers, body: JSON.stringify(olderClaude.opening) })).status).toBe(401);
    const metadata = (await (await fetch(olderClaude.serverMetadata(new URL(resource.url)))).json()) as { issuer: string; registration_endpoint: string };
    expect(metadata.issuer).toBe(outputs.issuer);
    expect((await fetch(metadata.registration_endpoint, { method: 'POST', headers, body: JSON.stringify(olderClaude.registration) })).status).toBe(201);
  });
});
