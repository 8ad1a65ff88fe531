import { callWhoami, type FieldClient, initialized, inSpecificationOrder, request, whereChallenged } from './client.ts';

const initialize = request(1, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
  clientInfo: { name: 'Visual Studio Code', version: '1.110.0' },
});
const grants = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];

/** Visual Studio Code: microsoft/vscode, `extHostMcp.ts` (discovery, scopes) and `oauth.ts` (`fetchDynamicRegistration`). */
export const vscode: FieldClient = {
  name: 'vscode',
  headers: { 'mcp-protocol-version': '2025-11-25' },
  opening: initialize,
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  registration: ({ server, resource }) => ({
    client_name: 'Visual Studio Code',
    client_uri: 'https://code.visualstudio.com',
    // Of its own grants those that the authorization server lists.
    grant_types: server.grant_types_supported.filter((grant) => grants.includes(grant)),
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1:33418/', 'https://insiders.vscode.dev/redirect', 'https://vscode.dev/redirect', 'http://127.0.0.1/'],
    scope: resource.scopes_supported.join(' '),
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  }),
  // It does not ask for offline_access by itself.
  scope: ({ challenged }) => challenged,
  // Where its page at vscode.dev hands the code on to.
  state: 'vscode://dynamicauthprovider/localhost%3A8443/authorize?nonce=c0ffee&windowId=1',
  conversation: [[initialize], [initialized], [request(2, 'tools/list'), request(3, 'prompts/list')], [callWhoami(4)]],
  keepsSession: true,
  opensStream: true,
};

/** Where a resource names no scopes, it asks for everything that the authorization server lists. */
export const vscodeWithoutScopes: FieldClient = { ...vscode, scope: ({ server }) => server.scopes_supported.join(' ') };
