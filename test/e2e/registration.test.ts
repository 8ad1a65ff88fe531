import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authorizationServerMetadata } from '../support/code-flow.ts';
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

  it.each(['https://claude.ai/*', 'http://localhost/*'])('may not have codes sent to any page of a host: %s (RFC 9700 §2.1)', async (uri) => {
    expect((await register({ redirect_uris: [uri] })).status).toBe(403);
  });

  it('may not have codes sent to a host that no known client lives on', async () => {
    expect((await register({ redirect_uris: ['https://evil.example/callback'] })).status).toBe(403);
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
    expect(execFileSync('docker', ['logs', `drawbridge-${stack}-server`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })).not.toContain(planted);
  });
});
