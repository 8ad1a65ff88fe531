import { challengedAndOffline, type FieldClient, inSpecificationOrder, type Message, request, whereChallenged } from './client.ts';

const about = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'claude-code', version: '2.1.274' },
  'io.modelcontextprotocol/clientCapabilities': { roots: {} },
};
const modern = (id: number, method: string, params: Record<string, unknown> = {}): Message => request(id, method, { ...params, _meta: about });

/**
 * Claude Code, which opens with `server/discover` where it speaks 2026-07-28. Its registration was captured by
 * elmohq/elmo#684; the parentheses in its name are those of anthropics/claude-code#94630.
 */
export const claudeCode: FieldClient = {
  name: 'claude-code',
  headers: { 'user-agent': 'claude-code/2.1.274 (cli)' },
  opening: modern(0, 'server/discover'),
  resourceMetadata: whereChallenged,
  serverMetadata: inSpecificationOrder,
  registration: (found) => ({
    client_name: 'Claude Code (drawbridge)',
    redirect_uris: ['http://localhost:3118/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    scope: challengedAndOffline(found),
  }),
  scope: challengedAndOffline,
  state: 'k3Zf0Qm-7yVvJq1cXn2b',
  conversation: [[modern(0, 'server/discover')], [modern(1, 'tools/list'), modern(2, 'prompts/list')], [modern(3, 'tools/call', { name: 'whoami', arguments: {} })]],
  keepsSession: false,
  opensStream: false,
};
