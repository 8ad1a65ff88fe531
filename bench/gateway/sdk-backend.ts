import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

// A real server with one tool, as people write them: both eras, a server object a request. Prints its URL.

const handler = createMcpHandler(
  () => {
    const server = new McpServer({ name: 'sdk', version: '1.0.0' });
    server.registerTool('hello', { description: 'Says hello' }, () => ({ content: [{ type: 'text', text: 'hello' }] }));
    return server;
  },
  { legacy: 'stateless' },
);

const http = createServer(toNodeHandler(handler));
http.listen(0, '127.0.0.1', 10_000, () => console.log(JSON.stringify({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp` })));
