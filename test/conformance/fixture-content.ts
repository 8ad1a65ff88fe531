import { acceptedContent, inputRequired, type McpServer, ResourceTemplate, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** One red pixel. */
export const IMAGE = { data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==', mimeType: 'image/png' };
/** Silence. */
export const AUDIO = { data: 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=', mimeType: 'audio/wav' };

export const text = (said: string) => ({ type: 'text' as const, text: said });

/** A form with these fields, all required. */
export const form = (message: string, properties: Record<string, object>) =>
  inputRequired.elicit({ message, requestedSchema: { type: 'object', properties: properties as never, required: Object.keys(properties) } });

export function addResources(server: McpServer): void {
  for (const name of ['static-text', 'watched-resource']) {
    const uri = `test://${name}`;
    server.registerResource(name, uri, { mimeType: 'text/plain' }, () => ({ contents: [{ uri, mimeType: 'text/plain', text: `This is ${name}.` }] }));
  }
  const binary = 'test://static-binary';
  server.registerResource('static-binary', binary, { mimeType: IMAGE.mimeType }, () => ({
    contents: [{ uri: binary, mimeType: IMAGE.mimeType, blob: IMAGE.data }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { mimeType: 'application/json' }, ({ href }, { id }) => ({
    contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }) }],
  }));
  for (const method of ['resources/subscribe', 'resources/unsubscribe', 'logging/setLevel'] as const) server.server.setRequestHandler(method, () => ({}));
  server.server.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris'], total: 1, hasMore: false } }));
}

export function addPrompts(server: McpServer): void {
  const user = (content: ReturnType<typeof text> | ({ type: 'image' } & typeof IMAGE) | { type: 'resource'; resource: { uri: string; text: string } }) => ({
    role: 'user' as const,
    content,
  });
  server.registerPrompt('test_simple_prompt', { description: 'Takes no arguments' }, () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'Takes arguments', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    ({ arg1, arg2 }) => ({
      messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Takes arguments', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => ({
      messages: [
        user({ type: 'resource', resource: { uri: resourceUri, text: 'Embedded resource content for testing.' } }),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'Takes no arguments' }, () => ({
    messages: [user({ type: 'image', ...IMAGE }), user(text('Please analyze the image above.'))],
  }));
  // A prompt without arguments gets the context alone, which its type does not say.
  server.registerPrompt('test_input_required_result_prompt', { description: 'Takes no arguments' }, (context) => {
    const given = acceptedContent<{ context: string }>((context as ServerContext).mcpReq.inputResponses, 'user_context');
    if (!given) return inputRequired({ inputRequests: { user_context: form('What context should the prompt use?', { context: { type: 'string' } }) } });
    return { messages: [user(text(`Use the following context: ${given.context}`))] };
  });
}
