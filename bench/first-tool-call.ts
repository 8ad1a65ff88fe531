import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { FormBrowser, pkce } from '../test/support/form-browser.ts';

interface Outputs {
  authorizationServerMetadataUrl: string;
  resources: Record<string, { url: string }>;
  caCertificate: string;
  testUser: { username: string; password: string };
}

/**
 * What an MCP client and its user do from the URL to the first answer of a tool: register, sign in, consent, call. The forms are
 * sent without a browser, whose own start would be measured otherwise.
 * @throws Error naming the step that failed.
 */
export async function firstToolCall({ authorizationServerMetadataUrl, resources, caCertificate, testUser }: Outputs): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), caCertificate]);
  const url = resources.mcp!.url;
  const redirectUrl = 'http://localhost:43112/callback';
  const metadata = (await (await fetch(authorizationServerMetadataUrl)).json()) as Record<'authorization_endpoint' | 'token_endpoint' | 'registration_endpoint', string>;
  const registered = await fetch(metadata.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'bench', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none', scope: 'mcp:read' }),
  });
  const { client_id } = (await expectStatus(registered, 201, 'registration').json()) as { client_id: string };

  const { verifier, challenge } = pkce();
  const request = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUrl, scope: 'mcp:read', state: 'bench', code_challenge: challenge, code_challenge_method: 'S256' });
  const answer = await new FormBrowser(testUser).authorize(`${metadata.authorization_endpoint}?${request}`, redirectUrl);
  const code = answer.get('code');
  if (!code) throw new Error(`sign-in did not end in a code: ${answer.get('error')}`);

  const token = await fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', client_id, code, redirect_uri: redirectUrl, code_verifier: verifier }) });
  const { access_token } = (await expectStatus(token, 200, 'token').json()) as { access_token: string };
  const called = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-06-18' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } }),
  });
  await expectStatus(called, 200, 'tool call').text();
}

function expectStatus(response: Response, status: number, step: string): Response {
  if (response.status !== status) throw new Error(`${step}: expected ${status}, got ${response.status}`);
  return response;
}
