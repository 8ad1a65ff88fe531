/** An MCP client of the field that registers itself, and what its registration names. */
export interface KnownClient {
  readonly redirectUris: readonly string[];
  /** Hosts of the home page (`client_uri`) it states, where they differ from the redirect URIs' hosts. */
  readonly pageHosts: readonly string[];
}

/** Redirect URIs as the clients' vendors publish them. A loopback client picks its port at run time (RFC 8252 §7.3). */
export const knownClients: Readonly<Record<string, KnownClient>> = {
  claude: { redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'], pageHosts: [] },
  'claude-code': { redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'], pageHosts: ['claude.ai'] },
  chatgpt: { redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect'], pageHosts: ['openai.com'] },
  vscode: {
    redirectUris: ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect'],
    pageHosts: ['code.visualstudio.com'],
  },
  cursor: {
    redirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback', 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback'],
    pageHosts: ['cursor.com'],
  },
  inspector: { redirectUris: ['http://127.0.0.1:6274/oauth/callback', 'http://localhost:6274/oauth/callback'], pageHosts: ['github.com'] },
  'mcp-remote': { redirectUris: ['http://localhost/oauth/callback'], pageHosts: ['github.com'] },
};

/** Every host that a registration of a known client may name, each once, in order. */
export function knownHosts(clients: Readonly<Record<string, KnownClient>> = knownClients): string[] {
  const hosts = Object.values(clients).flatMap(({ redirectUris, pageHosts }) => [...redirectUris.map((uri) => new URL(uri).hostname), ...pageHosts]);
  return [...new Set(hosts)].sort();
}
