import { callWhoami, type FieldClient, initialized, inSpecificationOrder, request, whereChallenged } from './client.ts';

const initialize = request(0, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: { tools: true, prompts: true, resources: true, logging: false, elicitation: {}, roots: { listChanged: false } },
  clientInfo: { name: 'cursor-vscode', version: '1.0.0' },
});

/**
 * Cursor, whose three redirect URIs come in one registration (forum.cursor.com/t/165019, quoted in
 * erp-mafia/accounted#2225), without an `application_type` (better-auth/better-auth#10956).
 */
export const cursor: FieldClient = {
  name: 'cursor',
  headers: { 'user-agent': 'Cursor/3.14.2 (linux x64)' },
  opening: initialize,
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  registration: () => ({
    client_name: 'Cursor',
    redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }),
  scope: ({ challenged }) => challenged,
  state: '{"id":"user-drawbridge","nonce":"8f1c"}',
  conversation: [[initialize], [initialized], [request(1, 'tools/list'), request(2, 'prompts/list'), request(3, 'resources/list')], [callWhoami(4)]],
  keepsSession: true,
  opensStream: true,
};
