import { type Exchange, jsonOf, said } from '../exchange.ts';
import type { Cause } from './cause.ts';
import { lacksCors } from './judging.ts';

export const registrationCauses: Cause[] = [
  {
    id: 'no-registration',
    step: 'registration',
    source: 'MCP authorization, client registration',
    look: ({ registration, serverMetadata, client }) => {
      if (registration?.way !== 'none') return undefined;
      const document = serverMetadata!.document!.client_id_metadata_document_supported;
      const why = !document ? 'it lists neither registration_endpoint nor client_id_metadata_document_supported' : client.document ? 'client id metadata documents are supported, but Claude uses its own only where `none` is among token_endpoint_auth_methods_supported' : 'client id metadata documents are supported, but this client has none, and there is no registration_endpoint';
      return { what: `The client cannot get an id by itself: ${why}.`, remedy: `Offer registration (RFC 7591)${document && client.document ? ', or list `none`' : ''}; or create a public client with the redirect URI ${client.redirectUris[0]} and have users of ${client.title} enter its id (${client.ownId}).`, evidence: [serverMetadata!.found] };
    },
  },
  {
    id: 'document-unusable',
    step: 'registration',
    source: 'claude.com/docs/connectors/building/authentication',
    look: ({ registration, serverMetadata, client }) =>
      registration?.way === 'dynamic' && client.document?.needsNone === true && serverMetadata!.document!.client_id_metadata_document_supported === true && { weight: 'note', what: 'Client id metadata documents are said to be supported, and `none` is not among token_endpoint_auth_methods_supported: Claude registers itself instead.', remedy: 'List `none`, or do not say client_id_metadata_document_supported.', evidence: [serverMetadata!.found] },
  },
  {
    id: 'registration-refused',
    step: 'registration',
    source: 'keycloak#43654; RFC 7591 §3.2.2',
    look: ({ registration, client }) => {
      const { exchange, clientId } = registration ?? {};
      if (!exchange || clientId !== undefined) return undefined;
      const { error, error_description: description } = jsonOf(exchange) ?? {};
      return { what: `The registration is refused: ${said(exchange)}${error || description ? ` (${[error, description].filter(Boolean).join(': ')})` : ''}.`, remedy: remedyFor(exchange, client.redirectUris), evidence: [exchange] };
    },
  },
  {
    id: 'registration-cors',
    step: 'registration',
    source: 'Fetch, CORS preflight',
    look: ({ registration, client }) => {
      const preflight = registration?.preflight;
      const allows = /\*|content-type/i.test(preflight?.answer?.headers['access-control-allow-headers'] ?? '');
      return preflight !== undefined && (lacksCors(preflight, client.origin) || !preflight.answer || !allows || preflight.answer.status >= 300) && { what: `A page of ${client.origin} may not register: the preflight (${said(preflight)}) allows ${preflight.answer?.headers['access-control-allow-origin'] ? 'no Content-Type header' : 'no origin'}.`, remedy: 'Answer OPTIONS on the registration endpoint with Access-Control-Allow-Origin and Access-Control-Allow-Headers: Content-Type. In Keycloak: the client registration policy “Allowed Registration Web Origins”.', evidence: [preflight] };
    },
  },
  {
    id: 'registration-left',
    step: 'registration',
    source: 'RFC 7592 §2.3',
    look: ({ registration, client }) => {
      const { exchange, clientId, way, deletion } = registration ?? {};
      if (way !== 'dynamic' || !exchange || clientId === undefined || deletion?.answer?.status === 204) return undefined;
      return { weight: 'note', what: `What was registered for this could not be deleted again: ${deletion ? `that was answered with ${deletion.answer?.status ?? deletion.failure?.code}` : 'the answer does not say how (RFC 7592)'}.`, remedy: `${client.title}: delete the client ${clientId} by hand, if it disturbs.`, evidence: [deletion] };
    },
  },
];

function remedyFor(exchange: Exchange, redirectUris: readonly string[]): string {
  const body = exchange.answer?.body ?? '';
  if (/trusted hosts/i.test(body)) return `In Keycloak: Realm → Clients → Client registration → Anonymous access → Trusted Hosts: switch “Host Sending Client Registration Request Must Match” off, and list the hosts of ${redirectUris.join(', ')}.`;
  if (/clientscope|client scope|allowed client scopes|invalid_scope/i.test(body)) return 'In Keycloak: Client registration → Anonymous access → Allowed Client Scopes: list the scopes of the resource, openid and offline_access.';
  if (/max clients|max-clients/i.test(body)) return 'Too many clients are registered: delete unused ones, or raise the limit.';
  if (/redirect/i.test(body)) return `Allow these redirect URIs: ${redirectUris.join(', ')}.`;
  if (exchange.answer?.status === 401) return 'Registration wants a token first: allow it without one (RFC 7591 §3), or give users a client id.';
  if (exchange.answer?.status === 429) return 'Wait, and allow more registrations from one address: hosted clients share few.';
  return 'Allow anonymous registration (RFC 7591) with the redirect URIs of the client; in Keycloak see the policies under Client registration → Anonymous access.';
}
