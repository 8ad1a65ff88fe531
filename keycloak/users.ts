import type UserRepresentation from '@keycloak/keycloak-admin-client/lib/defs/userRepresentation.js';

/** Someone who is to have an account. */
export interface Person {
  readonly username: string;
  readonly email: string;
  readonly firstName?: string;
  readonly lastName?: string;
  /** Names of groups to be in. */
  readonly groups?: readonly string[];
}

/** An account, and whether the password that it is made with is good for the first sign-in only. */
export interface DesiredUser {
  readonly account: UserRepresentation & { readonly username: string };
  readonly groups: readonly string[];
  readonly oneTimePassword: boolean;
}

/**
 * NIST SP 800-63B §3.1.1.2: length and a list of common passwords instead of rules of composition. The list is in the image, and
 * the upper limit keeps a stranger from having megabytes hashed.
 */
export const passwordPolicy = ['length(12)', 'maxLength(128)', 'notUsername(undefined)', 'notEmail(undefined)', 'passwordHistory(3)', 'passwordBlacklist(common-passwords.txt)'].join(' and ');

export function desiredUsers(demoUser: Person | undefined, people: readonly Person[]): DesiredUser[] {
  const desired = ({ groups = [], ...person }: Person, oneTimePassword: boolean): DesiredUser => ({
    // Who writes the config vouches for the address.
    account: { ...person, enabled: true, emailVerified: true, requiredActions: oneTimePassword ? ['UPDATE_PASSWORD'] : [] },
    groups,
    oneTimePassword,
  });
  return [...(demoUser ? [desired(demoUser, false)] : []), ...people.map((person) => desired(person, true))];
}
