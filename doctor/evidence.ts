import type { Exchange } from './exchange.ts';
import { secretNames } from './secrets.ts';

/** An exchange as it may be shown and pasted: no token, code, secret or cookie, bodies cut. */
export interface Evidence {
  readonly request: { readonly method: string; readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string };
  readonly response?: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly failure?: { readonly code: string; readonly message: string };
  readonly milliseconds: number;
}

const REDACTED = '[redacted]';
const SHOWN = 1_500;
const secretHeaders = /^(authorization|proxy-authorization|cookie|set-cookie|mcp-session-id|x-api-key)$/;
const inJson = new RegExp(`("(?:${secretNames})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'gi');
const inForms = new RegExp(`((?:^|[?&\\s"'])(?:${secretNames})=)[^&\\s"'<>]+`, 'gi');
// What has the form of a JWT is a token wherever it stands. The lookbehind keeps it linear: `-eyJ-eyJ-eyJ…` has one place to begin, not thousands.
const jwt = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;

/** @param secrets what may appear nowhere, in each form that it may have */
export function evidenceOf({ ask, answer, failure, milliseconds }: Exchange, secrets: readonly string[]): Evidence {
  const clean = (text: string) => redact(text, secrets);
  return {
    request: { method: ask.method ?? 'GET', url: clean(ask.url), headers: headersOf(ask.headers, clean), ...(ask.body !== undefined && { body: cut(clean(ask.body)) }) },
    ...(answer && { response: { status: answer.status, headers: headersOf(answer.headers, clean), body: cut(clean(answer.body)) } }),
    ...(failure && { failure: { code: failure.code, message: clean(failure.message) } }),
    milliseconds,
  };
}

export function redact(text: string, secrets: readonly string[]): string {
  const named = text.replace(inJson, `$1"${REDACTED}"`).replace(inForms, `$1${REDACTED}`).replace(jwt, REDACTED);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), named);
}

function headersOf(headers: Readonly<Record<string, string>>, clean: (text: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, secretHeaders.test(name) ? REDACTED : clean(value)]));
}

/** A sentence as it may be shown. It is cut only after what is secret is out: half of it would not be recognised. */
export const clean = (text: string, secrets: readonly string[]): string => cut(redact(text, secrets));

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)} … (${text.length} characters)` : text);
