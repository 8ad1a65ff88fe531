import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// The least that a gateway takes for an MCP server of both eras, so that only the gateway counts. Prints its URL.

const server = { name: 'trivial', version: '1.0.0' };
const capabilities = { tools: {} };
const results: Record<string, object> = {
  initialize: { protocolVersion: '2025-11-25', capabilities, serverInfo: server },
  'server/discover': {
    supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18'],
    capabilities,
    _meta: { 'io.modelcontextprotocol/serverInfo': server },
    ttlMs: 0,
    cacheScope: 'private',
  },
  'tools/list': { tools: [{ name: 'hello', inputSchema: { type: 'object' } }], ttlMs: 0, cacheScope: 'private' },
  'tools/call': { content: [{ type: 'text', text: 'hello' }] },
};

interface Message {
  id?: string | number;
  method: string;
  params?: { name?: string };
}

function answer(req: IncomingMessage, res: ServerResponse, { id, method, params }: Message): void {
  if (id === undefined) return void res.writeHead(202).end();
  // A call that never ends.
  if (params?.name === 'stay') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    return void res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: id, progress: 1 } })}\n\n`);
  }
  const modern = req.headers['mcp-protocol-version'] === '2026-07-28';
  const text = JSON.stringify({ jsonrpc: '2.0', id, result: { ...(modern ? { resultType: 'complete' } : {}), ...results[method] } });
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
}

const http = createServer((req, res) => {
  if (req.method !== 'POST') return void res.writeHead(405).end();
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => answer(req, res, JSON.parse(Buffer.concat(chunks).toString()) as Message));
});
http.listen(0, '127.0.0.1', 10_000, () => console.log(JSON.stringify({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp` })));
