import { initialize } from '../messages.ts';
import { asTyped, atRoot, type Client, inSpecificationOrder, pathInserted, standardGrants, withOffline } from './client.ts';

/**
 * ChatGPT's connectors (developers.openai.com/apps-sdk/build/auth). That it looks on the root of the MCP host too:
 * kernel/kernel-mcp-server#91; its redirect URIs: danielealbano/android-remote-control-mcp#166.
 */
export const chatgpt: Client = {
  name: 'chatgpt',
  title: 'ChatGPT',
  hosted: true,
  agents: { discovery: 'Python/3.12 aiohttp/3.13.5', calls: 'openai-mcp/1.0.0' },
  openings: [initialize('openai-mcp', '1.0.0')],
  resource: asTyped,
  comparesResource: 'prefix',
  comparesIssuer: 'exactly',
  resourceMetadata: (named, resource) => [...new Set([named ?? pathInserted(resource), atRoot(resource)])],
  serverMetadata: (issuer, resource) => [...new Set([...inSpecificationOrder(issuer), `${resource.origin}/.well-known/oauth-authorization-server`])],
  redirectUris: ['https://chatgpt.com/connector/oauth/vG3-MLZWUV83', 'https://chatgpt.com/connector_platform_oauth_redirect'],
  registration: ({ authMethods }) => ({ client_name: 'ChatGPT', ...standardGrants, token_endpoint_auth_method: authMethods.includes('none') ? 'none' : 'client_secret_post' }),
  scope: withOffline,
  ownId: 'Settings → Apps & Connectors → Create → OAuth → Client ID',
};
