import type ProtocolMapperRepresentation from '@keycloak/keycloak-admin-client/lib/defs/protocolMapperRepresentation.js';

/** What a token says of a person beyond the name. `groups`: the groups they are in, by name. `email`: the address, and whether it was verified. */
export type Claim = 'groups' | 'email';

/** Puts the audience into access tokens. An ID token's is the client alone: it must never pass for an access token. */
export function audienceMapper(resource: string): ProtocolMapperRepresentation {
  return mapper('audience', 'oidc-audience-mapper', { 'included.custom.audience': resource });
}

export const claimMappers: Readonly<Record<Claim, readonly ProtocolMapperRepresentation[]>> = {
  groups: [mapper('groups', 'oidc-group-membership-mapper', { 'claim.name': 'groups', 'full.path': 'false', 'userinfo.token.claim': 'false' })],
  email: [
    mapper('email', 'oidc-usermodel-attribute-mapper', { 'user.attribute': 'email', 'claim.name': 'email', 'jsonType.label': 'String', 'userinfo.token.claim': 'false' }),
    mapper('email verified', 'oidc-usermodel-property-mapper', { 'user.attribute': 'emailVerified', 'claim.name': 'email_verified', 'jsonType.label': 'boolean', 'userinfo.token.claim': 'false' }),
  ],
};

/** For access tokens and their introspection alone: what the server has to know of a person is none of the client's business. */
function mapper(name: string, protocolMapper: string, config: Record<string, string>): ProtocolMapperRepresentation {
  return { name, protocol: 'openid-connect', protocolMapper, config: { ...config, 'access.token.claim': 'true', 'id.token.claim': 'false', 'introspection.token.claim': 'true' } };
}
