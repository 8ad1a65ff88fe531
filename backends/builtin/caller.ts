import type { IncomingHttpHeaders } from 'node:http';

/** Who calls, as the gateway says. */
export interface Caller {
  readonly subject: string;
  /** Name for people; not unique over time. */
  readonly username: string | undefined;
  readonly clientId: string;
  readonly scopes: readonly string[];
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * The caller from the gateway's plain identity headers, whose values are percent-encoded. They can be believed because
 * the network of this server holds nobody but the gateway, which passes on no such header from outside.
 * @returns undefined where they are missing or malformed
 */
export function callerOf(headers: IncomingHttpHeaders): Caller | undefined {
  const header = (name: string) => headers[`drawbridge-${name}`] as string | undefined;
  const [subject, username, client, scopes] = ['subject', 'username', 'client', 'scopes'].map(header);
  const expiresAt = Number(header('expires'));
  if (subject === undefined || client === undefined || !Number.isFinite(expiresAt)) return undefined;
  try {
    return {
      subject: decodeURIComponent(subject),
      username: username === undefined ? undefined : decodeURIComponent(username),
      clientId: decodeURIComponent(client),
      scopes: (scopes ?? '').split(' ').filter(Boolean).map(decodeURIComponent),
      expiresAt,
    };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
