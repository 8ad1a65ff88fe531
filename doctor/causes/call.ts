import { said } from '../exchange.ts';
import { repliesOf } from '../messages.ts';
import type { Walk } from '../walk.ts';
import type { Cause } from './cause.ts';
import { difference, versionError } from './judging.ts';

/** What does not fit in a token, as sentences: each pair that has to be the same, byte for byte. */
function misfits({ token, resource, resourceMetadata, serverMetadata }: Walk): string[] {
  const claims = token?.claims;
  if (!claims) return [];
  const wanted = resourceMetadata?.document?.resource ?? resource;
  const audiences = [claims.aud ?? []].flat().map(String);
  const found: string[] = [];
  if (audiences.length === 0) found.push(`the token has no \`aud\`; the resource is \`${wanted}\``);
  else if (!audiences.includes(wanted)) found.push(`the token’s \`aud\` is ${audiences.map((audience) => `\`${audience}\``).join(', ')}, the resource \`${wanted}\`. ${difference(wanted, audiences.find((audience) => wanted.startsWith(audience.replace(/\/$/, ''))) ?? audiences[0]!)}`);
  const issuer = serverMetadata?.document?.issuer;
  if (issuer && claims.iss !== issuer) found.push(`the token’s \`iss\` is \`${claims.iss}\`, the issuer \`${issuer}\`. ${difference(issuer, String(claims.iss ?? ''))}`);
  if (claims.exp !== undefined && claims.exp > 0 && claims.exp * 1000 < Date.now()) found.push(`the token ended at ${new Date(claims.exp * 1000).toISOString()}`);
  return found;
}

export const callCauses: Cause[] = [
  {
    id: 'token-refused',
    step: 'call',
    source: 'RFC 9068 §4; RFC 8707; many connectors',
    look: (walk) => {
      const { call, token } = walk;
      if (!token || ![401, 403].includes(call?.opening.answer?.status ?? 0) || call!.opening.answer!.headers['www-authenticate'] === undefined) return undefined;
      const found = misfits(walk);
      const reason = /error_description="([^"]*)"/.exec(call!.opening.answer!.headers['www-authenticate'] ?? '')?.[1];
      const why = found.length > 0 ? found.join('; ') : token.claims ? 'its audience, issuer and end fit, so look at scopes, signing keys and token type' : 'it is opaque, so its audience cannot be compared from here';
      return {
        what: `The server answers ${call!.opening.answer!.status} to a token: ${why}${reason ? ` (the server says: ${reason})` : ''}.`,
        remedy: 'Audience of tokens = `resource` of the metadata = what the server expects, and `iss` = `issuer` = what the server expects, byte for byte: no slash at the end, and the issuer with its whole path. In Keycloak: an Audience mapper with that URL on the scopes that are advertised.',
        evidence: [call!.opening],
      };
    },
  },
  {
    id: 'token-loose',
    step: 'call',
    source: 'MCP authorization, token audience; RFC 9700 §2.3',
    look: (walk) => {
      const found = walk.call?.listed ? misfits(walk) : [];
      return !walk.challenge?.open && found.length > 0 && { weight: 'warning', what: `The server takes a token that is not for it: ${found.join('; ')}. It would take those of other services as well.`, remedy: 'Let the server accept tokens only with its own URL as audience, and have them issued with it.', evidence: [walk.call!.opening] };
    },
  },
  {
    id: 'era',
    step: 'call',
    source: 'MCP 2026-07-28, versioning (-32022); 2025-11-25, lifecycle',
    look: ({ call, challenge, client }) => {
      const opening = call?.opening ?? challenge?.opening;
      const error = opening && !call?.tools ? versionError(opening) : undefined;
      return error !== undefined && { what: `The server does not speak a protocol version of this client, which offers ${client.openings.map(({ method }) => (method === 'initialize' ? 'initialize up to 2025-11-25' : '2026-07-28')).join(', then ')}: ${error}.`, remedy: 'Serve both eras: server/discover of 2026-07-28, and initialize for older clients (in the SDK: legacy: \'stateless\').', evidence: [opening] };
    },
  },
  {
    id: 'protocol-version',
    step: 'call',
    source: 'MCP 2025-11-25, lifecycle, version negotiation',
    look: ({ call }) => call?.oddVersion !== undefined && { what: `The server answers initialize with the protocol version ${call.oddVersion}, which is none: clients do not know what to speak, and stop.`, remedy: 'Answer with protocolVersion as the client offered it, such as 2025-11-25, or with another date that the server speaks.', evidence: [call.opening] },
  },
  {
    id: 'call-fails',
    step: 'call',
    source: 'MCP lifecycle, tools',
    look: ({ call, token, challenge }) => {
      if (!call || call.listed || (!token && !challenge?.open)) return undefined;
      const failed = call.tools ?? call.opening;
      if (!call.tools && versionError(failed)) return undefined;
      const status = failed.answer?.status ?? 0;
      if ([401, 402, 403, 429, 503].includes(status) || (status >= 300 && status < 400) || status >= 520) return undefined;
      const [error] = repliesOf(failed).flatMap((reply) => reply.error ?? []);
      const remedy = token && !call.tools && status >= 500 ? 'See the log of the server. If it is the token that it does not accept: that is answered with 401, or clients never sign in again.' : 'See the log of the server.';
      const lost = status === 404 && 'mcp-session-id' in failed.ask.headers;
      return { what: `${call.tools ? 'tools/list' : 'The first message'} fails: ${said(failed)}${error ? `, JSON-RPC error ${error.code}${error.message ? ` (${error.message})` : ''}` : ''}.`, remedy: lost ? 'The session that the server had just opened is not known any more: with several processes, keep each session with one, or serve without sessions.' : remedy, evidence: [call.opening, call.tools] };
    },
  },
];
