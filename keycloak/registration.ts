import type ComponentRepresentation from '@keycloak/keycloak-admin-client/lib/defs/componentRepresentation.js';
import type { PublicClient } from './known-clients.ts';

/** Whether clients may register themselves (RFC 7591): those that may connect, or none. */
export type Registration = 'open' | 'closed';

const DAY = 24 * 60 * 60;

/** Keycloak's own anonymous policies that ours take the place of: they look at hosts alone, refuse later step-ups, and lock everyone out after a flood. */
export const replacedRegistrationPolicies = ['Allowed Client Scopes', 'Trusted Hosts', 'Max Clients Limit'];

/** What a client must pass that registers without an initial access token. Where it calls from proves nothing: only what it names is checked. */
export function registrationPolicies(registration: Registration, clients: readonly PublicClient[]): ComponentRepresentation[] {
  const policy = (name: string, providerId: string, config: Record<string, string[]> = {}): ComponentRepresentation => ({ name, providerId, config });
  return [
    policy('Sign-in Only', 'drawbridge-sign-in-only', {
      open: [String(registration === 'open')],
      'redirect-uris': [...new Set(clients.flatMap(({ redirectUris }) => redirectUris))],
      'redirect-uri-stems': clients.flatMap(({ redirectUriStems = [] }) => redirectUriStems),
      'max-clients': ['1000'],
      // How long someone may stand at the sign-in page while a flood goes on.
      'settling-seconds': [String(5 * 60)],
      'unused-seconds': [String(90 * DAY)],
    }),
    // Browser clients register by fetch. The endpoint takes no cookies, so any origin may read its answer.
    policy('Allowed Registration Web Origins', 'registration-web-origins', { 'web-origins': ['*'] }),
    // Whoever registered may call itself anything: the person sees the request and decides.
    policy('Consent Required', 'consent-required'),
    policy('Full Scope Disabled', 'scope'),
    // Keycloak's own list lets a client have its tokens say what it likes.
    policy('Allowed Protocol Mapper Types', 'allowed-protocol-mappers', { 'allowed-protocol-mapper-types': [] }),
  ];
}
