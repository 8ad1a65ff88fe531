import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  acceptedContent,
  type CallToolResult,
  fromJsonSchema,
  type InputRequests,
  inputRequired,
  type InputRequiredResult,
  type McpServer,
  type RequestId,
  type RequestStateCodec,
  type ServerContext,
  type ServerNotifier,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { AUDIO, form, IMAGE, text } from './fixture-content.ts';

export interface Surroundings {
  readonly states: RequestStateCodec<Record<string, unknown>>;
  readonly notify: ServerNotifier;
  readonly cutStream: (session: string, request: RequestId) => void;
}

type Result = CallToolResult | InputRequiredResult;
type Tool = (context: ServerContext, args: Record<string, unknown>) => Result | Promise<Result>;

const said = (words: string): CallToolResult => ({ content: [text(words)] });
const resource = (uri: string, mimeType: string, words: string) => ({ type: 'resource' as const, resource: { uri, mimeType, text: words } });

/** What is asked of the client: toward 2026-07-28 in the result, before it by a request of the server's (the SDK does either). */
const asks = (inputRequests: InputRequests, requestState?: string): InputRequiredResult =>
  inputRequired({ inputRequests, ...(requestState ? { requestState } : {}) });
const answers = (context: ServerContext) => context.mcpReq.inputResponses as Record<string, unknown> | undefined;

const name = { name: { type: 'string' } };
const greeting = (words: string) => inputRequired.createMessage({ messages: [{ role: 'user', content: text(words) }], maxTokens: 50 });
const asking =
  (key: string, request: InputRequests[string]): Tool =>
  (context) =>
    answers(context)?.[key] ? said(JSON.stringify(answers(context)?.[key])) : asks({ [key]: request });
const onceAccepted =
  (key: string, request: InputRequests[string]): Tool =>
  (context) => {
    const given = acceptedContent(context.mcpReq.inputResponses, key);
    return given ? said(JSON.stringify(given)) : asks({ [key]: request });
  };

// SEP-1034 and SEP-1330: every kind of field, with defaults.
const defaults = {
  name: { type: 'string', default: 'John Doe' },
  age: { type: 'integer', default: 30 },
  score: { type: 'number', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', default: true },
};
const titled = [1, 2, 3].map((number) => ({ const: `value${number}`, title: `Option ${number}` }));
const plain = ['option1', 'option2', 'option3'];
const enums = {
  untitledSingle: { type: 'string', enum: plain },
  titledSingle: { type: 'string', oneOf: titled },
  legacyEnum: { type: 'string', enum: plain, enumNames: plain },
  untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
  titledMulti: { type: 'array', items: { anyOf: titled } },
};

function tools({ states, notify, cutStream }: Surroundings): Record<string, Tool> {
  const confirm = async (context: ServerContext, tool: string) => {
    if (acceptedContent(context.mcpReq.inputResponses, 'confirm') && context.mcpReq.requestState() !== undefined) return said('state-ok');
    return asks({ confirm: form('Please confirm', { ok: { type: 'boolean' } }) }, await states.mint({ tool, nonce: randomUUID() }));
  };
  return {
    test_simple_text: () => said('This is a simple text response for testing.'),
    test_image_content: () => ({ content: [{ type: 'image', ...IMAGE }] }),
    test_audio_content: () => ({ content: [{ type: 'audio', ...AUDIO }] }),
    test_embedded_resource: () => ({ content: [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')] }),
    test_multiple_content_types: () => ({
      content: [text('Multiple content types test:'), { type: 'image', ...IMAGE }, resource('test://mixed', 'application/json', '{"test":"data","value":123}')],
    }),
    test_tool_with_logging: async ({ mcpReq }) => {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } });
        await sleep(50);
      }
      return said('logged');
    },
    test_logging_tool: async ({ mcpReq }) => {
      await mcpReq.log('info', 'only for those who ask');
      return said('logged');
    },
    test_tool_with_progress: async ({ mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken;
      for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken: progressToken!, progress, total: 100 } });
        await sleep(50);
      }
      return said(String(progressToken));
    },
    test_error_handling: () => ({ ...said('This tool intentionally returns an error for testing'), isError: true }),
    test_reconnection: async ({ sessionId, mcpReq }) => {
      cutStream(sessionId!, mcpReq.id);
      await sleep(100);
      return said('Reconnection test completed successfully.');
    },
    test_streaming_elicitation: () => said('no request of the server on this stream'),

    test_sampling: (context, args) => asking('answer', greeting(String(args.prompt)))(context, args),
    test_elicitation: (context, args) => asking('answer', form(String(args.message), { response: { type: 'string' } }))(context, args),
    test_elicitation_sep1034_defaults: asking('answer', form('Please review', defaults)),
    test_elicitation_sep1330_enums: asking('answer', form('Please select', enums)),

    test_missing_capability: asking('answer', greeting('ping')),
    test_input_required_result_elicitation: onceAccepted('user_name', form('What is your name?', name)),
    test_input_required_result_sampling: asking('capital_question', greeting('What is the capital of France?')),
    test_input_required_result_list_roots: asking('client_roots', inputRequired.listRoots()),
    test_input_required_result_request_state: (context) => confirm(context, 'request_state'),
    test_input_required_result_tampered_state: (context) => confirm(context, 'tampered_state'),
    test_input_required_result_multiple_inputs: async (context) => {
      const given = answers(context);
      if (given?.user_name && given.greeting && given.client_roots) return said(JSON.stringify(given));
      const requests = { user_name: form('What is your name?', name), greeting: greeting('Generate a greeting'), client_roots: inputRequired.listRoots() };
      return asks(requests, await states.mint({ tool: 'multiple_inputs', nonce: randomUUID() }));
    },
    test_input_required_result_multi_round: async ({ mcpReq }) => {
      const round = mcpReq.requestState<{ round: number }>()?.round ?? 0;
      if (round === 2) return said('Multi-round complete');
      const step = form(`Step ${round + 1}`, round === 0 ? name : { color: { type: 'string' } });
      return asks({ [`step${round + 1}`]: step }, await states.mint({ round: round + 1, nonce: randomUUID() }));
    },
    test_input_required_result_capabilities: (context) => {
      const envelope = context.mcpReq.envelope as Record<string, Record<string, object>> | undefined;
      const declared = envelope?.['io.modelcontextprotocol/clientCapabilities'];
      const requests: InputRequests = {
        ...(declared?.elicitation && { user_name: form('What is your name?', name) }),
        ...(declared?.sampling && { greeting: greeting('Generate a greeting') }),
        ...(declared?.roots && { client_roots: inputRequired.listRoots() }),
      };
      return answers(context) || Object.keys(requests).length === 0 ? said('as far as the client can') : asks(requests);
    },
    test_trigger_tool_change: () => {
      notify.toolsChanged();
      return said('published');
    },
    test_trigger_prompt_change: () => {
      notify.promptsChanged();
      return said('published');
    },
  };
}

// SEP-1613 and SEP-2106: JSON Schema 2020-12 has to survive tools/list as it is.
const jsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

// SEP-2243: an argument that a header mirrors.
const mirrored = { type: 'object' as const, properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, level: { type: 'integer' } } };

export function addTools(server: McpServer, surroundings: Surroundings): void {
  for (const [tool, call] of Object.entries(tools(surroundings)))
    server.registerTool(tool, { description: tool, inputSchema: z.looseObject({}) }, (args, context) => call(context, args));
  server.registerTool('json_schema_2020_12_tool', { description: 'JSON Schema 2020-12', inputSchema: fromJsonSchema(jsonSchema) }, (args) =>
    said(JSON.stringify(args)),
  );
  server.registerTool('test_x_mcp_header', { description: 'Mirrors an argument', inputSchema: fromJsonSchema(mirrored) }, (args) => said(JSON.stringify(args)));
}
