import { said } from '../exchange.ts';
import type { Cause, Sighting } from './cause.ts';
import { difference, lacksCors } from './judging.ts';
import { reachSightings } from './reach.ts';

const METADATA = 'authorization server metadata';

export const serverMetadataCauses: Cause[] = [
  {
    id: 'server-reach',
    step: 'server metadata',
    source: 'claude-ai-mcp#335, #1047 (another host), #719 (ports)',
    look: ({ serverMetadata, place, client }) => {
      if (!serverMetadata?.named || serverMetadata.place.url.host === place.url.host) return undefined;
      const there = serverMetadata.place;
      const sightings = reachSightings(there, client, 'The authorization server');
      if (!client.hosted || sightings.some(({ weight = 'failure' }) => weight === 'failure')) return sightings;
      if (there.isPrivate && !place.isPrivate) return [...sightings, { what: `The authorization server ${there.url.host} is on this machine or a private network: the client’s cloud cannot reach it, only the user’s browser.`, remedy: 'Make it public on port 443, best on the host of the MCP server.', evidence: serverMetadata.tries }];
      return there.isPrivate || there.url.hostname === place.url.hostname ? sightings : [...sightings, { weight: 'note', what: `The authorization server is on another host (${there.url.host}), which this machine reaches. If a hosted client “couldn’t reach” it, a firewall there does not let its cloud in.`, remedy: 'Let the vendors’ clouds in there as well (Claude: 160.79.104.0/21), or serve both from one host.', evidence: [] }];
    },
  },
  {
    id: 'endpoint-ports',
    step: 'server metadata',
    source: 'claude-ai-mcp#719',
    look: ({ serverMetadata, client, place }) => {
      const { document, place: there } = serverMetadata ?? {};
      if (!document || !client.hosted || place.isPrivate || there!.isPrivate) return undefined;
      const odd = [document.token_endpoint, document.authorization_endpoint, document.registration_endpoint].filter((endpoint) => endpoint && (new URL(endpoint).port !== '' || endpoint.startsWith('http:')));
      if (odd.length === 0 || new URL(serverMetadata!.issuer).port !== '') return undefined;
      return { what: `Endpoints of the authorization server are not on HTTPS at port 443 (${odd.join(', ')}): hosted clients never call them.`, remedy: 'Tell the authorization server its public URL, on port 443.', evidence: [serverMetadata!.found] };
    },
  },
  {
    id: 'server-metadata-missing',
    step: 'server metadata',
    source: 'RFC 8414 §3.1; OpenID Connect Discovery; MCP authorization',
    look: ({ serverMetadata, resourceMetadata }) => {
      if (!serverMetadata || serverMetadata.found || (!serverMetadata.named && resourceMetadata?.found)) return undefined;
      const { tries, elsewhere, issuer, named } = serverMetadata;
      // A host that cannot be reached has been named.
      if (tries.every(({ answer }) => !answer)) return named && serverMetadata.place.addresses.some(({ failure }) => !failure) ? { what: `The authorization server gives no answer: ${said(tries[0]!)}.`, remedy: 'Start it, and let the clients reach it.', evidence: tries } : undefined;
      return {
        what: `There is no ${METADATA}${named ? ` of ${issuer}` : ''} where this client looks: ${tries.map(said).join('; ')}${elsewhere ? `. It is at ${elsewhere.ask.url}, where nobody looks` : ''}.`,
        remedy: `Serve it at ${tries[0]!.ask.url}${elsewhere ? ', and let the front map that to where it is' : ''}.`,
        evidence: [...tries, elsewhere],
      };
    },
  },
  {
    id: 'server-metadata-invalid',
    step: 'server metadata',
    source: 'RFC 8414 §2',
    look: ({ serverMetadata }) => serverMetadata !== undefined && serverMetadata.problems.length > 0 && { what: `The ${METADATA} lacks what clients need: ${serverMetadata.problems.join('; ')}.`, remedy: 'It needs issuer, authorization_endpoint and token_endpoint, each an absolute URL.', evidence: [serverMetadata.found] },
  },
  {
    id: 'issuer-differs',
    step: 'server metadata',
    source: 'RFC 8414 §3.3; RFC 9207',
    look: ({ serverMetadata, client }) => {
      const { document, issuer, named, found } = serverMetadata ?? {};
      if (!document || !named || document.issuer === issuer) return undefined;
      const isTolerated = client.comparesIssuer === 'never' || (client.comparesIssuer === 'but for a slash' && issuer === `${document.issuer}/`);
      return { weight: isTolerated ? 'warning' : 'failure', what: `The resource names the issuer \`${issuer}\`, and its metadata says \`${document.issuer}\`. ${difference(issuer!, document.issuer)}`, remedy: 'Make both the same, byte for byte: `authorization_servers` of the resource, `issuer` of the metadata, and `iss` of tokens.', evidence: [found] };
    },
  },
  {
    id: 'no-pkce',
    step: 'server metadata',
    source: 'MCP authorization; OAuth 2.1 §7.5.2',
    look: ({ serverMetadata }) => {
      const { document, found } = serverMetadata ?? {};
      const methods = document?.code_challenge_methods_supported;
      if (!document || methods?.includes('S256')) return undefined;
      return { what: methods ? `The ${METADATA} lists PKCE methods without S256 (${methods.join(', ') || 'none'}).` : `The ${METADATA} has no code_challenge_methods_supported: clients must take it that there is no PKCE, and stop.`, remedy: 'Support PKCE with S256, and list it: "code_challenge_methods_supported": ["S256"].', evidence: [found] };
    },
  },
  {
    id: 'no-refresh',
    step: 'token',
    source: 'claude-ai-mcp#840, #228; SEP-2207',
    look: ({ serverMetadata, token }) => {
      const { document, found } = serverMetadata ?? {};
      const flaw = (why: string, remedy: string): Sighting => ({ weight: 'warning', what: `Users will have to sign in again whenever an access token ends: ${why}.`, remedy, evidence: [found] });
      if (token?.refreshable === true) return undefined;
      if (token?.refreshable === false) return flaw('the sign-in gave no refresh token', 'Allow refresh tokens, and `offline_access`, for clients that register themselves.');
      if (!document) return undefined;
      const { grant_types_supported: grants, scopes_supported: scopes } = document;
      // RFC 8414 §2: what is left out is authorization_code and implicit.
      if (!grants?.includes('refresh_token')) return flaw(`grant_types_supported ${grants ? `is ${grants.join(', ')}` : 'is left out'}, so clients do not expect a refresh token`, 'Give refresh tokens, and list "refresh_token" in grant_types_supported.');
      // OpenID providers give none without it.
      return scopes?.includes('openid') && !scopes.includes('offline_access') ? flaw('scopes_supported has no offline_access, so clients do not ask for a refresh token', 'Allow `offline_access` in the authorization server, for its clients, and list it in scopes_supported.') : undefined;
    },
  },
  {
    id: 'server-metadata-cors',
    step: 'server metadata',
    source: 'Fetch, CORS protocol',
    look: ({ serverMetadata, client }) => lacksCors(serverMetadata?.found, client.origin) && { what: `The ${METADATA} has no Access-Control-Allow-Origin: a page in a browser cannot read it.`, remedy: 'Answer it with Access-Control-Allow-Origin: *; it is public.', evidence: [serverMetadata!.found] },
  },
];
