/** What a JSON-RPC message asks for. */
export interface McpMessage {
  readonly method: string | undefined;
  /** Name of the tool that it calls. */
  readonly tool: string | undefined;
}

/** The messages of a parsed body: one, or several where a client of 2025-03-26 sends a batch. */
export function messagesOf(body: unknown): McpMessage[] {
  const items: unknown[] = Array.isArray(body) ? body : body === undefined ? [] : [body];
  return items.map((item) => {
    const method = text(field(item, 'method'));
    return { method, tool: method === 'tools/call' ? text(field(field(item, 'params'), 'name')) : undefined };
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
