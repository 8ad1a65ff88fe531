// A server by SDK v2, of both eras; with `only`, of 2026-07-28 alone.
import { McpServer } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { z } from 'zod';

const said = (text) => ({ content: [{ type: 'text', text }] });
const cancelled = [];

serveStdio(
  ({ era }) => {
    const server = new McpServer({ name: 'modern', version: '1' }, { capabilities: { tools: { listChanged: true } } });
    server.registerTool('era', {}, () => said(`${era} ${process.pid}`));
    server.registerTool('cancelled', {}, () => said(JSON.stringify(cancelled)));
    server.registerTool('change', {}, () => {
      server.sendToolListChanged();
      return said('changed');
    });
    server.registerTool('slow', { inputSchema: z.object({ milliseconds: z.number(), message: z.string() }) }, async ({ milliseconds, message }, context) => {
      context.mcpReq.signal.addEventListener('abort', () => cancelled.push(message));
      await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: context.mcpReq._meta?.progressToken ?? 'none', progress: 1 } });
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      return said(`slow ${message}`);
    });
    return server;
  },
  { legacy: process.argv[2] === 'only' ? 'reject' : 'serve' },
);
