import { initialize } from '../messages.ts';
import { atRoot, type Client, inSpecificationOrder, pathInserted, standardGrants, withoutSlash, withOffline } from './client.ts';

/**
 * Claude on the web, the desktop and phones: its requests come from Anthropic's cloud. Seen on the wire by anthropics/claude-ai-mcp#76
 * (order of discovery), #1043 (registration), #49 and #1061 (user agents); claude.com/docs/connectors/building/authentication.
 */
export const claude: Client = {
  name: 'claude',
  title: 'Claude (web, desktop, mobile)',
  hosted: true,
  agents: { discovery: 'python-httpx/0.28.1', calls: 'Claude-User' },
  openings: [initialize('Anthropic', '1.0.0')],
  resource: withoutSlash,
  comparesResource: 'exactly',
  comparesIssuer: 'never',
  // claude-ai-mcp#690.
  stopsAtRoot: true,
  ipv4Only: true,
  resourceMetadata: (named, resource) => (named ? [...new Set([named, atRoot(resource)])] : [...new Set([pathInserted(resource), atRoot(resource)])]),
  serverMetadata: inSpecificationOrder,
  document: { url: 'https://claude.ai/oauth/mcp-oauth-client-metadata', needsNone: true },
  redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
  // It asks for a secret even where it could do without (claude-ai-mcp#1043).
  registration: (found) => ({ client_name: 'Claude', ...standardGrants, token_endpoint_auth_method: 'client_secret_post', scope: withOffline(found) }),
  scope: withOffline,
  ownId: 'Settings → Connectors → Add custom connector → Advanced settings → OAuth Client ID',
  patience: 10_000,
};
