import { callWhoami, challengedAndOffline, type FieldClient, initialized, inSpecificationOrder, request } from './client.ts';

const initialize = request(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'openai-mcp', version: '1.0.0' } });

/**
 * ChatGPT's connectors. What it needs of a server is in developers.openai.com/apps-sdk/build/auth; that it looks on the
 * root of the MCP host too, in kernel/kernel-mcp-server#91 and adcontextprotocol/adcp#1081; its redirect URIs, one for
 * each connector and the older one for all, in danielealbano/android-remote-control-mcp#166.
 */
export const chatgpt: FieldClient = {
  name: 'chatgpt',
  headers: { 'user-agent': 'Python/3.12 aiohttp/3.13.5' },
  opening: initialize,
  resourceMetadata: (challenged, { origin }) => [challenged, `${origin}/.well-known/oauth-protected-resource`],
  serverMetadata: (issuer, { origin, pathname }) => [
    `${origin}/.well-known/oauth-authorization-server${pathname}`,
    `${origin}/.well-known/oauth-authorization-server`,
    ...inSpecificationOrder(issuer),
  ],
  registration: ({ server }) => ({
    client_name: 'ChatGPT',
    redirect_uris: ['https://chatgpt.com/connector/oauth/vG3-MLZWUV83', 'https://chatgpt.com/connector_platform_oauth_redirect'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: server.token_endpoint_auth_methods_supported.includes('none') ? 'none' : 'client_secret_post',
  }),
  scope: challengedAndOffline,
  state: 'oauth_s_6931b2d0c8a48191a3f0',
  conversation: [[initialize], [initialized], [request(1, 'tools/list')], [request(2, 'resources/list')], [callWhoami(3)]],
  keepsSession: true,
  opensStream: false,
};
