import { initialize } from '../messages.ts';
import { asTyped, type Client, inSpecificationOrder, standardGrants, whereChallenged, withOffline } from './client.ts';

/** MCP Inspector 2: a page in a browser with its own Node process behind it. Its calls come from the process, its sign-in from the page. */
export const inspector: Client = {
  name: 'inspector',
  title: 'MCP Inspector',
  hosted: false,
  agents: { discovery: 'node', calls: 'node' },
  origin: 'http://127.0.0.1:6274',
  openings: [initialize('inspector', '2.12.0')],
  resource: asTyped,
  comparesResource: 'prefix',
  comparesIssuer: 'but for a slash',
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  redirectUris: ['http://127.0.0.1:6274/oauth/callback'],
  registration: (found) => ({ client_name: 'MCP Inspector', ...standardGrants, token_endpoint_auth_method: 'none', scope: withOffline(found) }),
  scope: withOffline,
  ownId: 'Authentication → OAuth 2.0 → Client ID',
};
