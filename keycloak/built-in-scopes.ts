/** The scopes that Keycloak puts into every realm by itself. `openid` is none of them: it needs no client scope. */
export const BUILT_IN_SCOPES = [
  ...['acr', 'address', 'AuthnContextClassRef', 'basic', 'email', 'microprofile-jwt', 'offline_access', 'organization', 'phone', 'profile'],
  ...['role_list', 'roles', 'saml_organization', 'service_account', 'web-origins'],
];

const attribute = 'oidc-usermodel-attribute-mapper';

/** The mappers with which Keycloak makes those of them that clients here get: name → type. */
export const BUILT_IN_MAPPERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  basic: { sub: 'oidc-sub-mapper', auth_time: 'oidc-usersessionmodel-note-mapper' },
  acr: { 'acr loa level': 'oidc-acr-mapper' },
  'web-origins': { 'allowed web origins': 'oidc-allowed-origins-mapper' },
  offline_access: {},
  email: { email: attribute, 'email verified': 'oidc-usermodel-property-mapper' },
  profile: {
    'full name': 'oidc-full-name-mapper',
    ...Object.fromEntries(['username', 'given name', 'family name', 'middle name', 'nickname', 'profile', 'picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated at'].map((name) => [name, attribute])),
  },
};
