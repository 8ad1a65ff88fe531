import * as pulumi from '@pulumi/pulumi';
import * as random from '@pulumi/random';

/**
 * The secrets that a stack makes for itself, once. Each is a Pulumi secret: encrypted in the state, masked in output.
 */
export class Secrets extends pulumi.ComponentResource {
  readonly databasePassword: pulumi.Output<string>;
  /** Of the service account that exists from Keycloak's first start until the realm has been applied once. */
  readonly bootstrapSecret: pulumi.Output<string>;
  /** Of the realm applier's own, least-privileged client. */
  readonly applierSecret: pulumi.Output<string>;
  /** Only where the profile has a test user. */
  readonly testUserPassword?: pulumi.Output<string>;

  constructor(name: string, args: { testUser: boolean }, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Secrets', name, {}, opts);
    // Letters and digits only: 32 of them carry 190 bits, and no program on the way has to quote them.
    const generate = (role: string, length: number) =>
      new random.RandomPassword(`${name}-${role}`, { length, special: false }, { parent: this }).result;
    this.databasePassword = generate('database', 32);
    this.bootstrapSecret = generate('bootstrap', 32);
    this.applierSecret = generate('applier', 32);
    if (args.testUser) this.testUserPassword = generate('test-user', 20);
    this.registerOutputs({});
  }
}
