import { z } from 'zod';
import type { ConfigProblem } from './rules.ts';

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 };
const MINUTE = SECONDS.m;

/** A length of time with its unit, `5m`, which becomes a number of seconds. */
export const durationSeconds = z
  .string({ error: 'is no length of time: write 5m, 12h or 30d' })
  .regex(/^[1-9]\d{0,4}[smhd]$/, 'is no length of time: write 5m, 12h or 30d')
  .transform((text) => Number(text.slice(0, -1)) * SECONDS[text.slice(-1) as keyof typeof SECONDS]);

const atMost = (limit: string, reason: string) => durationSeconds.refine((seconds) => seconds <= durationSeconds.parse(limit), `must be at most ${limit}: ${reason}`);
const year = 'whoever finds a forgotten token could use it for longer than a year';

/** How long what Keycloak issues is good for, in seconds. */
export const sessions = z
  .strictObject({
    /** More than five minutes: VS Code refreshes what expires within five minutes before each request, several at a time. */
    accessToken: atMost('1h', 'a server does not ask whether a token was revoked, so that a stolen one works until it expires').prefault('10m'),
    /** A client that does not refresh for this long has to ask its user to sign in. */
    idle: atMost('365d', year).prefault('30d'),
    /** After this long it has to in any case. */
    maximum: atMost('365d', year).prefault('90d'),
    /** The same of the browser in which a person signed in, and of clients that asked for no offline access. */
    browserIdle: atMost('365d', year).prefault('12h'),
    browserMaximum: atMost('365d', year).prefault('7d'),
    refreshTokenMaxReuse: z.union([z.literal(0), z.literal(1)], { error: 'is neither 0 nor 1' }).default(1),
  })
  .prefault({});
export type Sessions = z.output<typeof sessions>;

/** Lifetimes that do not go together, and lifetimes of seconds, which are for tests of what happens when they are over. */
export function sessionRules({ sessions: given, profile }: { sessions?: Sessions; profile?: string }): ConfigProblem[] {
  if (!given) return [];
  const { refreshTokenMaxReuse: _, ...lifetimes } = given;
  const short = Object.entries(lifetimes).filter(([, seconds]) => seconds < MINUTE && profile !== undefined && profile !== 'local');
  const ordered = [['accessToken', 'idle'], ['accessToken', 'browserIdle'], ['idle', 'maximum'], ['browserIdle', 'browserMaximum']] as const;
  return [
    ...short.map(([key]) => ({ path: `sessions.${key}`, message: 'must be at least 1m: only profile local takes seconds' })),
    ...ordered.filter(([less, more]) => given[less] > given[more]).map(([less, more]) => ({ path: `sessions.${less}`, message: `is longer than sessions.${more}: shorten it, or lengthen the other` })),
  ];
}
