import { callWhoami, challengedAndOffline, type FieldClient, initialized, inSpecificationOrder, type Message, request } from './client.ts';

const initialize = request(1, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'Anthropic', version: '1.0.0' } });

/**
 * Claude on the web, the desktop and phones: its requests come from Anthropic's cloud. Seen on the wire by
 * anthropics/claude-ai-mcp#76 (initialize, order of discovery), #1043 and PostHog/posthog#48397 (registration);
 * scopes in claude.com/docs/connectors/building/authentication.
 */
export const claude: FieldClient = {
  name: 'claude',
  headers: { 'user-agent': 'python-httpx/0.28.1', accept: '*/*' },
  opening: initialize,
  resourceMetadata: (challenged, { origin }) => [challenged, `${origin}/.well-known/oauth-protected-resource`],
  serverMetadata: inSpecificationOrder,
  registration: (found) => ({
    client_name: 'Claude',
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    // It asks for a secret even where it could do without (claude-ai-mcp#1043).
    token_endpoint_auth_method: 'client_secret_post',
    scope: challengedAndOffline(found),
  }),
  scope: challengedAndOffline,
  state: 'DqV0-b3nX1m_k2A8',
  // The same id for calls at the same moment, and never a session id (claude-ai-mcp#539, #583, #975).
  conversation: [[initialize], [initialized], [request(1, 'tools/list'), request(1, 'prompts/list'), request(1, 'resources/list')], [callWhoami(1)]],
  keepsSession: false,
  opensStream: true,
};

/** Claude of an older trace, before protected resource metadata (losvedir/remote_mcp_auth): what it sent, up to the sign-in. */
export const olderClaude: { opening: Message; serverMetadata: (resource: URL) => string; registration: object } = {
  opening: request(0, 'initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'claude-ai', version: '0.1.0' } }),
  serverMetadata: ({ origin }) => `${origin}/.well-known/oauth-authorization-server`,
  registration: {
    client_name: 'claudeai',
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    scope: 'claudeai',
  },
};
