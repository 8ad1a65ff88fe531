import type IdentityProviderMapperRepresentation from '@keycloak/keycloak-admin-client/lib/defs/identityProviderMapperRepresentation.js';
import type IdentityProviderRepresentation from '@keycloak/keycloak-admin-client/lib/defs/identityProviderRepresentation.js';
import { firstSignIn } from './first-sign-in.ts';

interface Registered {
  /** Of Drawbridge at the provider. The secret goes to the applier, not in here. */
  readonly clientId: string;
}

/** Where people may sign in besides Keycloak itself. */
export interface IdentityProviders {
  /** With the URLs of GitHub Enterprise Server, or else github.com. */
  readonly github?: Registered & { readonly baseUrl?: string; readonly apiUrl?: string };
  readonly google?: Registered & { readonly hostedDomain?: string; readonly trustEmail: boolean };
  readonly oidc?: Registered & {
    readonly name?: string;
    readonly issuer: string;
    /** Hosts of its endpoints, besides the issuer's. */
    readonly hosts: readonly string[];
    /** The claim that names a person. */
    readonly usernameClaim: string;
    readonly trustEmail: boolean;
  };
}

export type ProviderAlias = keyof IdentityProviders;

/** A provider as Keycloak is to have it, without its secret. */
export interface DesiredIdentityProvider {
  readonly alias: ProviderAlias;
  readonly representation: IdentityProviderRepresentation & { readonly config: Readonly<Record<string, string>> };
  readonly username: IdentityProviderMapperRepresentation;
  /** Where its endpoints have to be asked for: which issuer must answer, and on which hosts they may be. */
  readonly discovery?: { readonly url: string; readonly issuer: string; readonly hosts: readonly string[] };
}

const GITHUB = { baseUrl: 'https://github.com', apiUrl: 'https://api.github.com' };
/** Of Google's token, user info and JWKS endpoints, which Keycloak knows by heart. */
const GOOGLE_HOSTS = ['oauth2.googleapis.com', 'openidconnect.googleapis.com', 'www.googleapis.com'];

const hostOf = (url: string): string => new URL(url).hostname;

/** Hosts that Keycloak itself has to send requests to: tokens, profiles and keys. Browsers go elsewhere on their own. */
export function hostsOf({ github, google, oidc }: IdentityProviders): string[] {
  return [
    ...(github ? [github.baseUrl ?? GITHUB.baseUrl, github.apiUrl ?? GITHUB.apiUrl].map(hostOf) : []),
    ...(google ? GOOGLE_HOSTS : []),
    ...(oidc ? [hostOf(oidc.issuer), ...oidc.hosts] : []),
  ];
}

/**
 * The providers as data.
 * @param discoveryUrl where the metadata of `oidc` is
 */
export function desiredIdentityProviders({ github, google, oidc }: IdentityProviders, discoveryUrl = ''): DesiredIdentityProvider[] {
  return [
    // GitHub's primary address need not be verified, and Keycloak does not ask whether it is: it is never trusted.
    ...(github ? [provider('github', 'GitHub', 'login', github, { trustEmail: false, config: { baseUrl: github.baseUrl ?? '', apiUrl: github.apiUrl ?? '' } })] : []),
    ...(google ? [provider('google', 'Google', 'email', google, { trustEmail: google.trustEmail, config: { issuer: 'https://accounts.google.com', hostedDomain: google.hostedDomain ?? '' } })] : []),
    ...(oidc ? [{ ...openIdConnect(oidc), discovery: { url: discoveryUrl, issuer: oidc.issuer, hosts: hostsOf({ oidc }) } }] : []),
  ];
}

function openIdConnect(oidc: NonNullable<IdentityProviders['oidc']>): DesiredIdentityProvider {
  return provider('oidc', oidc.name ?? hostOf(oidc.issuer), oidc.usernameClaim, oidc, {
    trustEmail: oidc.trustEmail,
    config: {
      issuer: oidc.issuer,
      defaultScope: 'openid profile email',
      // What every provider has to understand (RFC 6749 §2.3.1).
      clientAuthMethod: 'client_secret_basic',
      validateSignature: 'true',
      useJwksUrl: 'true',
      // Keycloak reads email_verified in the ID token alone. An address out of the user info would count as verified
      // even where the user info itself says that it is not.
      disableUserInfo: String(oidc.trustEmail),
    },
  });
}

/**
 * @param claim names a person for good: `github.octocat`. With the provider before it nobody can take the name of
 *   somebody at another provider, or of an account of Keycloak's own, before that person has come (or was let in by name).
 */
function provider(
  alias: ProviderAlias,
  displayName: string,
  claim: string,
  { clientId }: Registered,
  { trustEmail, config }: { trustEmail: boolean; config: Record<string, string> },
): DesiredIdentityProvider {
  return {
    alias,
    representation: {
      alias,
      providerId: alias,
      displayName,
      enabled: true,
      linkOnly: false,
      hideOnLogin: false,
      storeToken: false,
      addReadTokenRoleOnCreate: false,
      trustEmail,
      firstBrokerLoginFlowAlias: firstSignIn.flow,
      // Later sign-ins change nothing: an address that was verified once cannot be swapped for another at the provider.
      config: { clientId, syncMode: 'IMPORT', pkceEnabled: 'true', pkceMethod: 'S256', ...config },
    },
    username: {
      name: 'drawbridge username',
      identityProviderAlias: alias,
      // Ours (policy/UsernameMapper.java): ASCII only.
      identityProviderMapper: 'drawbridge-username',
      config: { syncMode: 'IMPORT', target: 'LOCAL', template: `\${ALIAS}.\${CLAIM.${claim}}` },
    },
  };
}
