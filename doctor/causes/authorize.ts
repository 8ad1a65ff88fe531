import type { Exchange } from '../exchange.ts';
import type { Cause } from './cause.ts';

export const authorizeCauses: Cause[] = [
  {
    id: 'authorize-refused',
    step: 'authorize',
    source: 'OAuth 2.1 §4.1.2.1; RFC 9700 §2.1',
    look: ({ authorize, registration, client }) => {
      const refused = authorize?.asked.filter(({ exchange }) => refusal(exchange) !== undefined) ?? [];
      if (refused.length === 0) return undefined;
      // A client uses the first; that one of several is refused is a flaw.
      const first = authorize!.asked[0]!;
      const all = refused.some(({ redirectUri }) => redirectUri === first.redirectUri);
      const { way, clientId } = registration!;
      return {
        weight: all ? 'failure' : 'warning',
        what: `The authorization endpoint refuses ${way === 'document' ? `the client id ${clientId} (a metadata document)` : 'the client'} with the redirect URI ${refused.map(({ redirectUri }) => redirectUri).join(', ')}: ${refusal(refused[0]!.exchange)}.`,
        remedy: way === 'document' ? 'See the log of the authorization server for what it does not accept in the document; if that cannot be changed, do not say client_id_metadata_document_supported (Keycloak before 26.8 refuses Claude’s and ChatGPT’s).' : `Allow the redirect URIs of ${client.title} for the client, exactly (the port of a loopback address is free: RFC 8252 §7.3).`,
        evidence: refused.map(({ exchange }) => exchange),
      };
    },
  },
];

/** Why no sign-in page came, or undefined where one did. */
function refusal({ answer, failure }: Exchange): string | undefined {
  if (!answer) return `no answer (${failure?.code})`;
  const error = answer.headers.location && URL.canParse(answer.headers.location) ? new URL(answer.headers.location).searchParams : undefined;
  if (error?.has('error')) return `${error.get('error')}${error.has('error_description') ? `, ${error.get('error_description')}` : ''}`;
  return answer.status >= 400 ? `a page with status ${answer.status}` : undefined;
}
