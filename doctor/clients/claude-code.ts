import { initialize, modern } from '../messages.ts';
import { asTyped, type Client, inSpecificationOrder, standardGrants, whereChallenged, withOffline } from './client.ts';

/** Claude Code, which opens with `server/discover` where it speaks 2026-07-28. Its registration was captured by elmohq/elmo#684. */
export const claudeCode: Client = {
  name: 'claude-code',
  title: 'Claude Code',
  hosted: false,
  agents: { discovery: 'claude-code/2.1.274 (cli)', calls: 'claude-code/2.1.274 (cli)' },
  openings: [modern(1, 'server/discover', 'claude-code'), initialize('claude-code', '2.1.274')],
  resource: asTyped,
  comparesResource: 'prefix',
  comparesIssuer: 'never',
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  document: { url: 'https://claude.ai/oauth/claude-code-client-metadata' },
  redirectUris: ['http://localhost:3118/callback'],
  registration: (found) => ({ client_name: 'Claude Code (doctor)', ...standardGrants, token_endpoint_auth_method: 'none', application_type: 'native', scope: withOffline(found) }),
  scope: withOffline,
  ownId: 'claude mcp add --transport http --client-id ID --callback-port PORT NAME URL',
};
