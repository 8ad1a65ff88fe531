import { initialize } from '../messages.ts';
import { asTyped, challengedScope, type Client, inSpecificationOrder, standardGrants, whereChallenged } from './client.ts';

/** Cursor, whose three redirect URIs come in one registration (forum.cursor.com/t/165019), without an `application_type` (better-auth/better-auth#10956). */
export const cursor: Client = {
  name: 'cursor',
  title: 'Cursor',
  hosted: false,
  agents: { discovery: 'Cursor/3.14.2 (linux x64)', calls: 'Cursor/3.14.2 (linux x64)' },
  openings: [initialize('cursor-vscode', '1.0.0')],
  resource: asTyped,
  comparesResource: 'prefix',
  comparesIssuer: 'never',
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  redirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback'],
  registration: () => ({ client_name: 'Cursor', ...standardGrants, token_endpoint_auth_method: 'none' }),
  scope: challengedScope,
  ownId: '"auth": {"CLIENT_ID": "ID"} of the server in mcp.json',
};
