import type { Exchange } from '../exchange.ts';
import { repliesOf } from '../messages.ts';

export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} seconds`;

/** Looks for slashes where they begin only: what a server names may be thousands of them. */
export const withoutSlashes = (text: string): string => text.replace(/(?<!\/)\/+$/, '');

/** How two URLs that ought to be the same differ, in a sentence. */
export function difference(one: string, other: string): string {
  const [short, long] = [one, other].map(withoutSlashes).sort((a, b) => a.length - b.length) as [string, string];
  if (short === long) return 'They differ in a slash at the end.';
  if (short.toLowerCase() === long.toLowerCase()) return 'They differ in capitals.';
  if (long.startsWith(`${short}/`)) return `The shorter one lacks the path ${long.slice(short.length)}.`;
  return 'They are not the same.';
}

/** Whether a page of this origin cannot read the answer. */
export function lacksCors(exchange: Exchange | undefined, origin: string | undefined): boolean {
  if (!exchange?.answer || origin === undefined) return false;
  return !['*', origin].includes(exchange.answer.headers['access-control-allow-origin'] ?? '');
}

/** What a server says that does not know the era or version of a message. */
export function versionError(exchange: Exchange): string | undefined {
  const [error] = repliesOf(exchange).flatMap((reply) => reply.error ?? []);
  return error && (error.code === -32022 || error.code === -32601 || /protocol.?version/i.test(error.message ?? '')) ? `JSON-RPC error ${error.code}${error.message ? ` (${error.message})` : ''}` : undefined;
}
