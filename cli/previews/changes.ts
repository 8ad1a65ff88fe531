import type { Config } from '../../infra/config.ts';
import { issuerBeside, PREVIEW_REALMS } from '../../infra/endpoints.ts';
import { UsageError } from '../errors.ts';
import type { PreviewPorts } from './ports.ts';

/** The Keycloak that a preview has its realm in. */
export interface SharedKeycloak {
  readonly stack: string;
  /** Of that stack's own realm. */
  readonly issuer: string;
}

export const realmOf = (preview: string): string => `${PREVIEW_REALMS}${preview}`;

/** In what the config of a preview differs from its template's. Undefined leaves a key out. */
export function changesFor(name: string, template: Config, { ports, shared }: { ports: PreviewPorts; shared?: SharedKeycloak }): Record<string, unknown> {
  if (shared && (template.auth !== 'oauth' || template.authorizationServer !== 'keycloak'))
    throw new UsageError(`--share-keycloak ${shared.stack} is for templates with a Keycloak of their own, and callers of this one show who they are in another way: leave it out.`);
  return {
    ...ports,
    ...(template.profile !== 'local' && { host: `${name}.${domainOf(template)}` }),
    // What a preview holds may be lost: nothing of it is protected.
    ...(template.profile === 'production' && { profile: 'preview' }),
    // Its secrets are its own, and none is an old one.
    rotation: undefined,
    previewRealms: undefined,
    // Providers send people back to a URL that they were told, and here it would be another one.
    ...(shared && { realm: realmOf(name), authorizationServer: { issuer: issuerBeside(shared.issuer, realmOf(name)), keycloakOf: shared.stack }, identityProviders: undefined }),
  };
}

/** Below which previews are, one label each: the zone at Cloudflare, or else the template's host without its first label. */
function domainOf({ host, cloudflare }: Config): string {
  if (cloudflare) return cloudflare.zone;
  const labels = host.split('.');
  return labels.length > 2 ? labels.slice(1).join('.') : host;
}
