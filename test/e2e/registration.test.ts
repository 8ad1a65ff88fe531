import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authorizationServerMetadata } from '../support/code-flow.ts';
import { containerOf } from '../support/container.ts';
import { outputs, resource, stack } from '../support/outputs.ts';

const redirect_uris = ['http://localhost:43113/callback'];

async function register(metadata: Record<string, unknown>): Promise<Response> {
  const { registration_endpoint } = await authorizationServerMetadata();
  return fetch(registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ client_name: 'a stranger', redirect_uris, ...metadata }) });
}

describe('a stranger who registers a client', () => {
  it('gets no token without a person who signs in (client credentials)', async () => {
    const client = (await (await register({ grant_types: ['client_credentials', 'authorization_code'], token_endpoint_auth_method: 'client_secret_post' })).json()) as { client_id: string; client_secret: string };
    expect(client.client_secret).toBeTruthy();
    const { token_endpoint } = await authorizationServerMetadata();
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client.client_id, client_secret: client.client_secret, scope: 'mcp:read mcp:write', resource: resource.url });
    const answer = await fetch(token_endpoint, { method: 'POST', body });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ error: 'unauthorized_client' });
  });

  it.each(['https://claude.ai/*', 'https://evil.example/callback', 'https://claude.ai@evil.example/api/mcp/auth_callback', 'http://localhost:43113/callback/..'])(
    'may have codes sent to a client that is switched on, and not to %s (RFC 9700 §2.1)',
    async (uri) => {
      const answer = await register({ redirect_uris: [uri] });
      expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, 'invalid_redirect_uri']);
    },
  );

  it('cannot have a sign-in page link to a page of its own', async () => {
    const { client_id, client_uri } = (await (await register({ client_uri: 'https://evil.example/' })).json()) as { client_id: string; client_uri?: string };
    expect(client_uri).toBeUndefined();
    const { authorization_endpoint } = await authorizationServerMetadata();
    const page = await fetch(`${authorization_endpoint}?${new URLSearchParams({ client_id, response_type: 'code', redirect_uri: 'https://evil.example/' })}`);
    expect(page.status).toBe(400);
    expect(await page.text()).not.toContain('evil.example');
  });

  it('gets no 500 for a name that is too long', async () => {
    const answer = await register({ client_name: 'x'.repeat(300) });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, 'invalid_client_metadata']);
  });

  it('cannot have people sent on to a page of its own after sign-out (open redirect)', async () => {
    const { client_id } = (await (await register({ post_logout_redirect_uris: ['https://evil.example/'] })).json()) as { client_id: string };
    const url = `${outputs.issuer}/protocol/openid-connect/logout?${new URLSearchParams({ client_id, post_logout_redirect_uri: 'https://evil.example/' })}`;
    const answer = await fetch(url, { redirect: 'manual' });
    expect(answer.headers.get('location') ?? '').not.toContain('evil.example');
  });

  it('cannot make Keycloak fetch a URL inside the network (SSRF)', async () => {
    const planted = randomUUID();
    const url = `http://server:8080/${planted}`;
    await register({ subject_type: 'pairwise', sector_identifier_uri: url });
    const registered = await register({ jwks_uri: url, token_endpoint_auth_method: 'private_key_jwt', request_uris: [url] });
    const { client_id } = (await registered.json()) as { client_id: string };
    const { token_endpoint, authorization_endpoint } = await authorizationServerMetadata();
    const assertion = `${Buffer.from('{"alg":"RS256","kid":"x"}').toString('base64url')}.${Buffer.from(JSON.stringify({ iss: client_id, sub: client_id, aud: outputs.issuer, exp: 4e9, jti: planted })).toString('base64url')}.x`;
    await fetch(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion }),
    });
    await fetch(`${authorization_endpoint}?${new URLSearchParams({ client_id, request_uri: url, response_type: 'code', scope: 'openid' })}`);
    // The server logs each path it is asked for.
    expect(execFileSync('docker', ['logs', containerOf(stack, 'server')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).not.toContain(planted);
  });
});

describe('an authorization request', () => {
  // Keycloak compares once more, and takes the port off a loopback address first.
  const tricks = ['http://localhost:1@evil.example/callback', 'http://localhost:1@evil.example:80/callback', 'http://localhost.evil.example:80/callback', 'http://127.0.0.1:1/callback/..', 'http://localhost:1/callback/%2e%2e/x', 'http://localhost:1/other', 'http://localhost:1\\@evil.example/callback', 'http://localhost:1/callback#x'];
  it.each(tricks)('cannot have a code of a pre-registered client sent to %s', async (redirect_uri) => {
    const { authorization_endpoint } = await authorizationServerMetadata();
    const query = new URLSearchParams({ client_id: outputs.clients['claude-code']!, response_type: 'code', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256', redirect_uri });
    const answer = await fetch(`${authorization_endpoint}?${query}`, { redirect: 'manual' });
    expect(answer.status).toBe(400);
    expect(answer.headers.get('location')).toBeNull();
  });
});
