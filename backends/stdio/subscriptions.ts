import { createHash } from 'node:crypto';
import type { Message, Request } from './messages.ts';

/** Most that a session may have. Past it the oldest is forgotten. */
const MAX_SUBSCRIPTIONS = 1_000;

/** The resources whose changes a session is to hear of. */
export class Subscriptions {
  /** Digests, since a URI may have megabytes. */
  readonly #digests = new Set<string>();

  /** Takes note of a request that the server has granted. */
  granted({ method, params }: Request): void {
    if (method === 'resources/unsubscribe') this.#digests.delete(digest(params?.uri));
    if (method !== 'resources/subscribe') return;
    this.#digests.add(digest(params?.uri));
    if (this.#digests.size > MAX_SUBSCRIPTIONS) this.#digests.delete(this.#digests.values().next().value!);
  }

  cover({ params }: Message): boolean {
    return this.#digests.has(digest(params?.uri));
  }
}

function digest(uri: unknown): string {
  return createHash('sha256').update(String(uri)).digest('base64');
}
