import { isObject } from './json-rpc.ts';
import { META } from './versions.ts';

/** Whether a server of an earlier version has a method that 2026-07-28 has too. */
export function hasMethod(method: string, capabilities: unknown): boolean {
  const needed = { tools: 'tools', resources: 'resources', prompts: 'prompts', completion: 'completions' }[method.split('/')[0]!];
  const known = ['tools/list', 'tools/call', 'resources/list', 'resources/templates/list', 'resources/read', 'prompts/list', 'prompts/get', 'completion/complete'];
  return needed !== undefined && known.includes(method) && isObject(capabilities) && capabilities[needed] !== undefined;
}

export function withoutModernMeta(params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const meta = Object.entries(isObject(params._meta) ? params._meta : {}).filter(([key]) => !Object.values(META).includes(key));
  const { _meta, inputResponses: _responses, requestState: _state, ...rest } = params;
  return meta.length > 0 ? { ...rest, _meta: Object.fromEntries(meta) } : rest;
}

export function errorTo(id: unknown, method: string): object {
  return { id, error: { code: -32601, message: `The client takes no ${method} requests` } };
}
