import { type Exchange, jsonOf } from './exchange.ts';

// RFC 6749 and OpenID Connect names, RFC 7591 and 7592, PKCE; in JSON, forms and queries.
export const secretNames = 'access_token|refresh_token|id_token|id_token_hint|client_secret|registration_access_token|code|code_verifier|client_assertion|assertion|token|api_key|password';
const sent = new RegExp(`^(?:${secretNames})$`);
// Not `code` and `token`, which are words of error messages there.
const issued = /^(?:access_token|refresh_token|id_token|client_secret|registration_access_token)$/;
/** Shorter ones guard nothing, and are parts of words. */
const SHORTEST = 4;

/** What was secret in an exchange: in the form that was sent, in the answer, and the id of a session. */
export function secretsOf(exchange: Exchange): string[] {
  const fields = [...[...new URLSearchParams(exchange.ask.body)].filter(([name]) => sent.test(name)), ...Object.entries(jsonOf(exchange) ?? {}).filter(([name]) => issued.test(name))];
  return [...fields.map(([, value]) => value), exchange.answer?.headers['mcp-session-id']].filter((value) => typeof value === 'string');
}

/** Every form in which a server could give secrets back that it was sent, the longest first. */
export function formsOf(secrets: readonly string[]): string[] {
  const long = secrets.filter(({ length }) => length >= SHORTEST);
  const forms = long.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), new URLSearchParams({ '': secret }).toString().slice(1), ...base64sOf(secret)]);
  return [...new Set(forms)].sort((one, other) => other.length - one.length);
}

/** As it is in the base64 of a text that has it somewhere, such as `user:secret`: three bytes are four characters, so there are three ways. */
function base64sOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const ways = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Without the characters that bytes before or after have a part in.
    return encoded.slice(before && before + 1, Math.floor(((before + bytes.length) * 8) / 6));
  });
  return ways.flatMap((way) => [way, way.replaceAll('+', '-').replaceAll('/', '_')]);
}
