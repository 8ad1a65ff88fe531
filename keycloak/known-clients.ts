/** A client that may connect. Public: whatever runs at someone else's place can keep no secret. */
export interface PublicClient {
  readonly clientId: string;
  /** What the consent page calls it. */
  readonly name: string;
  /** Exact, but for the port of a loopback address, which is left out where it is free (RFC 8252 §7.3). */
  readonly redirectUris: readonly string[];
  /** Beginnings of redirect URIs that one id follows, different with each connection: only a registration can name those. */
  readonly redirectUriStems?: readonly string[];
  /** Where its vendor publishes what it is (client id metadata document), which is also its client id then. */
  readonly metadataDocument?: string;
}

export const knownClientNames = ['claude', 'claude-code', 'chatgpt', 'vscode', 'cursor', 'inspector', 'mcp-remote'] as const;
export type KnownClientName = (typeof knownClientNames)[number];

/** MCP clients of the field, with redirect URIs as their vendors publish them. */
export const knownClients: Readonly<Record<KnownClientName, PublicClient>> = {
  claude: {
    clientId: 'claude',
    name: 'Claude',
    redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    metadataDocument: 'https://claude.ai/oauth/mcp-oauth-client-metadata',
  },
  'claude-code': {
    clientId: 'claude-code',
    name: 'Claude Code',
    redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
    metadataDocument: 'https://claude.ai/oauth/claude-code-client-metadata',
  },
  chatgpt: {
    clientId: 'chatgpt',
    name: 'ChatGPT',
    redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    redirectUriStems: ['https://chatgpt.com/connector/oauth/'],
  },
  vscode: {
    clientId: 'vscode',
    name: 'Visual Studio Code',
    redirectUris: ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'],
    metadataDocument: 'https://vscode.dev/oauth/client-metadata.json',
  },
  cursor: {
    clientId: 'cursor',
    name: 'Cursor',
    redirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback'],
  },
  inspector: { clientId: 'inspector', name: 'MCP Inspector', redirectUris: ['http://127.0.0.1:6274/oauth/callback', 'http://localhost:6274/oauth/callback'] },
  'mcp-remote': { clientId: 'mcp-remote', name: 'mcp-remote', redirectUris: ['http://localhost/oauth/callback'] },
};
