import { isObject, metaOf, withMeta, type Message, type Request } from './messages.ts';

export const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/** A message about a request, with what the client chose in the place of the bridge's ids. */
export function restored<M extends Message>(message: M, request: Request): M {
  if (message.method === 'notifications/progress') return { ...message, params: { ...message.params, progressToken: metaOf(request).progressToken } };
  if (SUBSCRIPTION in metaOf(message)) return withMeta(message, { [SUBSCRIPTION]: request.id });
  const meta = message.result?._meta;
  if (isObject(meta) && SUBSCRIPTION in meta) return { ...message, result: { ...message.result, _meta: { ...meta, [SUBSCRIPTION]: request.id } } };
  return message;
}
