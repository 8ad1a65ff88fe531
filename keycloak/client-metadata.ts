import type ClientPolicyRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientPolicyRepresentation.js';
import type ClientProfileRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientProfileRepresentation.js';
import type { PublicClient } from './known-clients.ts';

/** How Keycloak treats a client id that is the URL of a metadata document. */
export interface ClientMetadata {
  /** Whether it passes over grant types that a public client cannot use (from 26.8). */
  readonly passesOverGrantTypes: boolean;
  /** Resources that such a client may ask for, where Keycloak looks at `resource` (from 26.8). */
  readonly resources?: readonly string[];
  /** For documents of a test, served without TLS. Default: false. */
  readonly allowHttp?: boolean;
}

const NAME = 'drawbridge-client-metadata';

/** Hosts of the documents of these clients: Keycloak fetches them from there. */
export function documentHosts(clients: readonly PublicClient[]): string[] {
  return [...new Set(clients.flatMap(({ metadataDocument }) => (metadataDocument ? [new URL(metadataDocument).hostname] : [])))];
}

/** One profile for all documents: with several policies that match a host, Keycloak would ask each to agree. */
export function clientMetadataPolicy(clients: readonly PublicClient[], { passesOverGrantTypes, resources, allowHttp = false }: ClientMetadata): { profile: ClientProfileRepresentation; policy: ClientPolicyRepresentation } {
  const withDocument = clients.filter(({ metadataDocument }) => metadataDocument);
  const hosts = documentHosts(withDocument);
  const named = withDocument.flatMap(({ redirectUris }) => redirectUris.map((uri) => new URL(uri).hostname));
  return {
    profile: {
      name: NAME,
      description: 'Clients that a document of their vendor describes, at a URL that is their client id.',
      executors: [
        {
          executor: 'client-id-metadata-document',
          configuration: {
            'cimd-allow-http-scheme': allowHttp,
            // Every URL of a document must be on one of these: home page, logo and redirect URI.
            'cimd-allow-permitted-domains': [...new Set([...hosts, ...named, ...(hosts.includes('vscode.dev') ? ['code.visualstudio.com'] : [])])],
            'cimd-restrict-same-domain': false,
            'cimd-required-properties': [],
            'only-allow-confidential-client': false,
            ...(passesOverGrantTypes && { 'accept-public-client-with-confidential-client-only-grant': true }),
            ...(resources && { 'cimd-resource-indicator-allow-list': resources }),
          },
        },
      ],
    },
    policy: {
      name: NAME,
      description: 'Client ids that are URLs on the host of a client that is switched on.',
      enabled: true,
      conditions: [{ condition: 'client-id-uri', configuration: { 'client-id-uri-scheme': allowHttp ? ['https', 'http'] : ['https'], 'client-id-uri-allow-permitted-domains': hosts } }],
      profiles: [NAME],
    },
  };
}
