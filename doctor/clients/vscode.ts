import { initialize } from '../messages.ts';
import { asTyped, challengedScope, type Client, inSpecificationOrder, whereChallenged } from './client.ts';

const grants = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];

/** Visual Studio Code: microsoft/vscode, `extHostMcp.ts` (discovery, scopes) and `oauth.ts` (`fetchDynamicRegistration`); #262278 (resource). */
export const vscode: Client = {
  name: 'vscode',
  title: 'VS Code',
  hosted: false,
  agents: { discovery: 'node', calls: 'node' },
  openings: [initialize('Visual Studio Code', '1.110.0')],
  resource: asTyped,
  comparesResource: 'exactly',
  comparesIssuer: 'never',
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  document: { url: 'https://vscode.dev/oauth/client-metadata.json' },
  redirectUris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect', 'http://127.0.0.1/'],
  registration: ({ grants: listed = ['authorization_code', 'refresh_token'], ofResource }) => ({
    client_name: 'Visual Studio Code',
    client_uri: 'https://code.visualstudio.com',
    // Of its own grants those that the authorization server lists.
    grant_types: listed.filter((grant) => grants.includes(grant)),
    response_types: ['code'],
    scope: ofResource?.join(' '),
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  }),
  // Where a resource names no scopes, it asks for everything that the authorization server lists.
  scope: (found) => challengedScope(found) ?? found.ofServer?.join(' '),
  ownId: 'the notification that asks for a client id when it cannot register',
};
