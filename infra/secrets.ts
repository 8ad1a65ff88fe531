import { createHash } from 'node:crypto';
import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

export interface SecretsArgs {
  /** What a Keycloak of the stack needs; none where it has none. */
  keycloak?: { rotation: { database: number }; previewRealms: boolean };
  /** What a realm needs, in whichever Keycloak. */
  realm?: {
    testUser: boolean;
    /** Names of those who get a password for their first sign-in. */
    users: readonly string[];
    rotation: { applier: number };
  };
  /** A token to sign in with, where none is configured. */
  bearerToken: boolean;
  /** The key that signs identity headers. */
  identityKey: boolean;
}

export interface KeycloakSecrets {
  readonly databasePassword: pulumi.Output<string>;
  /** Of the service account that exists from Keycloak's first start until the realm has been applied once. */
  readonly bootstrapSecret: pulumi.Output<string>;
  /** Of the account that makes the realms of previews, where there may be such. */
  readonly previewsSecret?: pulumi.Output<string>;
}

export interface RealmSecrets {
  /** Of the realm applier's own, least-privileged client. */
  readonly applierSecret: pulumi.Output<string>;
  /** Those it had before, newest first: Keycloak knows one of them until the applier has run with the new one. */
  readonly formerApplierSecrets: pulumi.Output<string>[];
  /** Only where the profile has a test user. */
  readonly testUserPassword?: pulumi.Output<string>;
  /** User name → password for the first sign-in. */
  readonly oneTimePasswords: Record<string, pulumi.Output<string>>;
}

/**
 * The secrets that a stack makes for itself, once for each generation. Each is a Pulumi secret: encrypted in the state, masked
 * in output.
 */
export class Secrets extends pulumi.ComponentResource {
  readonly keycloak?: KeycloakSecrets;
  readonly realm?: RealmSecrets;
  readonly bearerToken?: pulumi.Output<string>;
  /** 32 bytes in hexadecimal. */
  readonly identityKey?: pulumi.Output<string>;

  constructor(name: string, args: SecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Secrets', name, {}, opts);
    // Letters and digits only: 32 of them carry 190 bits, and no program on the way has to quote them.
    const generate = (role: string, length = 32) => pulumi.secret(new random.RandomPassword(`${name}-${role}`, { length, special: false }, { parent: this }).result);
    const nth = (role: string, generation: number) => generate(generation === 1 ? role : `${role}-${generation}`);
    if (args.keycloak) {
      const { rotation, previewRealms } = args.keycloak;
      this.keycloak = {
        databasePassword: nth('database', rotation.database),
        bootstrapSecret: generate('bootstrap'),
        previewsSecret: previewRealms ? generate('previews') : undefined,
      };
    }
    if (args.realm) {
      const { testUser, users, rotation } = args.realm;
      // All of them: how many generations were raised since the realm was last applied is not known here.
      const formerApplierSecrets = Array.from({ length: rotation.applier - 1 }, (_, ago) => rotation.applier - 1 - ago);
      this.realm = {
        applierSecret: nth('applier', rotation.applier),
        formerApplierSecrets: formerApplierSecrets.map((generation) => nth('applier', generation)),
        testUserPassword: testUser ? generate('test-user', 20) : undefined,
        oneTimePasswords: Object.fromEntries(users.map((user) => [user, generate(`user-${user}`, 20)])),
      };
    }
    if (args.bearerToken) this.bearerToken = generate('bearer', 43);
    // 64 characters hold more than the 256 bits that the hash takes from them.
    if (args.identityKey) this.identityKey = generate('identity', 64).apply(sha256);
    this.registerOutputs({});
  }
}

/** What each new person signs in with for the first time, as an output. Worth nothing afterwards. */
export function oneTimePasswords({ realm }: Secrets): pulumi.Output<Record<string, { password: string }>> | undefined {
  const passwords = realm?.oneTimePasswords ?? {};
  if (Object.keys(passwords).length === 0) return undefined;
  return pulumi.secret(pulumi.all(passwords).apply((values) => Object.fromEntries(Object.entries(values).map(([name, password]) => [name, { password }]))));
}

/** In lower-case hexadecimal. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
