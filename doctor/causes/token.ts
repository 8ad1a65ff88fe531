import type { Cause } from './cause.ts';

export const tokenCauses: Cause[] = [
  {
    id: 'sign-in-fails',
    step: 'token',
    source: 'OAuth 2.1 §4.1.3; RFC 8707; RFC 9207',
    look: ({ token }) =>
      token?.problem !== undefined && {
        what: `No token came of the sign-in: ${token.problem}.`,
        remedy: /invalid_target/.test(token.problem) ? 'The authorization server does not know the resource: register its URL there, byte for byte (in Keycloak with resource-indicators: a client whose `resource_url` it is).' : 'See the log of the authorization server.',
        evidence: [token.exchange],
      },
  },
  {
    id: 'sign-in-left',
    step: 'token',
    source: 'RFC 7592 §2.3',
    look: ({ token }) => token?.left !== undefined && { weight: 'note', what: 'The client that was registered for the sign-in could not be deleted again.', remedy: `Delete the client ${token.left} by hand, if it disturbs.`, evidence: [] },
  },
];
