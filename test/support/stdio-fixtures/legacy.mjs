// A server of the versions before 2026-07-28, by SDK v1, with a tool for each thing that a server may do.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { CallToolRequestSchema, ListToolsRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const server = new Server({ name: 'legacy', version: '1' }, { capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} } });
const transport = new StdioServerTransport();
const seen = [];
const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const tools = {
  echo: ({ message }) => text(message),
  // What reached this process on its standard input, by method.
  seen: () => text(seen),
  whereabouts: () => text({ pid: process.pid, cwd: process.cwd(), env: process.env, args: process.argv.slice(2) }),
  // Answers after `milliseconds`, with two notifications of progress before.
  async slow({ milliseconds, message }, { _meta, sendNotification, signal }) {
    signal.addEventListener('abort', () => seen.push(`aborted ${message}`));
    for (const progress of [1, 2]) {
      const progressToken = _meta?.progressToken;
      if (progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, message } });
      await pause(milliseconds / 2);
    }
    return text(`slow ${message}`);
  },
  async ask({ method, params }, { sendRequest }) {
    try {
      return text(await sendRequest({ method, params }, { safeParse: (data) => ({ success: true, data }) }));
    } catch (error) {
      return text({ code: error.code, message: error.message });
    }
  },
  async log({ message }, { sendNotification }) {
    await sendNotification({ method: 'notifications/message', params: { level: 'info', data: message } });
    return text('logged');
  },
  async changed() {
    await server.sendToolListChanged();
    return text('changed');
  },
  // Sends a message of no call, past the SDK's own checks.
  later({ milliseconds, message, padding = 0 }) {
    const params = { ...message.params, ...(padding > 0 && { padding: 'x'.repeat(padding) }) };
    void pause(milliseconds).then(() => transport.send({ jsonrpc: '2.0', ...message, params }));
    return text('later');
  },
  big: ({ bytes }) => text('x'.repeat(bytes)),
  number: () => ({ content: [], structuredContent: { exact: JSON.rawJSON('12345678901234567890') } }),
  complain({ lines }) {
    for (const line of lines) process.stderr.write(`${line}\n`);
    return text('complained');
  },
  babble() {
    process.stdout.write('this is no JSON\n');
    return text('babbled');
  },
  // Answers past the SDK, which could not write it.
  deep({ levels }, { requestId }) {
    process.stdout.write(`{"jsonrpc":"2.0","id":${requestId},"result":{"deep":${'['.repeat(levels)}${']'.repeat(levels)}}}\n`);
    return new Promise(() => {});
  },
  flood() {
    setInterval(() => process.stdout.write('x'.repeat(1024 * 1024)), 1);
    return new Promise(() => {});
  },
  crash({ code }) {
    process.stderr.write('out of cheese\n');
    process.exit(code);
  },
};

server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })) }));
server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => tools[params.name](params.arguments ?? {}, extra));
server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
  if (params.uri === 'file:///refused') throw new Error('refused');
  return {};
});
server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
await server.connect(transport);
const handle = transport.onmessage;
transport.onmessage = (message, extra) => {
  seen.push(message.method ?? 'response');
  handle(message, extra);
};
