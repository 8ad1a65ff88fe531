import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import { toolNames } from '../backends/builtin/tool-names.ts';
import { versions } from '../images/versions.ts';
import { features, passesOverGrantTypes } from '../keycloak/features.ts';
import type { Claim } from '../keycloak/mappers.ts';
import { desiredRealm } from '../keycloak/realm.ts';
import type { Config } from './config.ts';
import { clientsOf } from './config/clients.ts';
import { testUsername } from './config/users.ts';
import type { Allowlist } from './config/values.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import type { RealmSecrets } from './secrets.ts';
import { objectName, stackLabel } from './stack.ts';
import type { SecretOf } from './stack-config.ts';

/** The account of a Keycloak that may make realms, and has no rights on those of others: a preview signs in as it. */
export const PREVIEWS_CLIENT = 'drawbridge-previews';

interface Account {
  clientId: string;
  clientSecret: pulumi.Input<string>;
}

export interface RealmArgs {
  images: Images;
  machine: Machine;
  config: Config;
  servers: Endpoints['servers'];
  secrets: RealmSecrets;
  secretOf: SecretOf;
  /** Where it is found inside a network of containers. */
  keycloak: { origin: string; basePath: string; container: pulumi.Input<string>; network: pulumi.Input<string> };
  /** Who makes the realm. One that stays is not deleted once that is done, and takes the realm away when the stack goes. */
  account: Account & { stays?: boolean };
  /** Whom other stacks may make realms as. */
  previews?: Account;
  /** Where each identity provider sends people back to. */
  callbacks?: NonNullable<Endpoints['authorizationServer']>['identityProviders'];
}

/** The account as which another stack lets realms be made in its Keycloak. @throws RunError where it does not, or does not stand */
export function previewsAccount(stack: string): RealmArgs['account'] {
  const name = `${pulumi.getOrganization()}/${pulumi.getProject()}/${stack}`;
  const clientSecret = new pulumi.StackReference(name).getOutput('previewsSecret').apply((secret: unknown) => {
    if (typeof secret === 'string') return secret;
    throw new pulumi.RunError(`Stack ${stack} lets no other stack have a realm in its Keycloak: set drawbridge:previewRealms to true there, and bring it up.`);
  });
  return { clientId: PREVIEWS_CLIENT, clientSecret: pulumi.secret(clientSecret), stays: true };
}

export const featuresOf = (config: Config): string[] => features(config, versions.keycloak.tag);

/**
 * The realm of a stack, brought to what the config says.
 * @param triggers what makes it new with them
 */
export function createRealm(name: string, args: RealmArgs, opts: pulumi.CustomResourceOptions, triggers: pulumi.Input<string>[] = []): command.local.Command {
  const { keycloak, account, machine, config, secrets } = args;
  const input = {
    url: `${keycloak.origin}${keycloak.basePath}`,
    desired: desiredOf(args),
    applier: { clientId: 'drawbridge-applier', clientSecret: secrets.applierSecret },
    formerSecrets: secrets.formerApplierSecrets,
    bootstrap: account,
    previews: args.previews,
    userPasswords: { ...secrets.oneTimePasswords, ...(secrets.testUserPassword && { [testUsername]: secrets.testUserPassword }) },
    identityProviderSecrets: Object.fromEntries(Object.entries(config.identityProviders).flatMap(([alias, provider]) => (provider ? [[alias, args.secretOf(provider.clientSecret)]] : []))),
  };
  // Keycloak's admin API is not public, so the applier runs inside the network. Secrets go by standard input: a
  // command line is readable by every process of the host. What it says is `up`'s to show, and kept nowhere. A container that a
  // killed run left is removed first.
  const applier = objectName('applier');
  const remove = `docker rm --force ${applier} >/dev/null 2>&1`;
  const run = pulumi.interpolate`docker run --rm --interactive --name ${applier} --label ${stackLabel}=${pulumi.getStack()} --network ${keycloak.network} --log-driver none --read-only --memory 256m --cap-drop ALL --security-opt no-new-privileges ${args.images.built('applier')}`;
  // With its Keycloak a realm is gone as well.
  const withdraw = pulumi.interpolate`${remove}; found=$(docker ps --all --quiet --filter name='^/${keycloak.container}$') || exit; test -z "$found" || ${run} withdraw`;
  return new command.local.Command(
    machine.named(name),
    {
      create: machine.running(pulumi.interpolate`${remove}; ${run}`),
      delete: machine.running(account.stays ? withdraw : `${remove} || true`),
      stdin: pulumi.secret(pulumi.jsonStringify(input)),
      triggers,
    },
    opts,
  );
}

function desiredOf({ config, servers, secrets, callbacks }: RealmArgs) {
  const version = versions.keycloak.tag;
  const clientMetadata = featuresOf(config).includes('cimd') && { passesOverGrantTypes: passesOverGrantTypes(version), ...(passesOverGrantTypes(version) && config.resourceIndicators && { resources: servers.map(({ resource }) => resource) }) };
  return desiredRealm({
    realm: config.realm,
    signingKeys: config.rotation.signingKey,
    servers: config.servers.map(({ name, backend, scopes, tools, resources, prompts, consent, allowlist }, index) => ({
      name,
      resource: servers[index]!.resource,
      scopes,
      needs: { ...tools, ...resources, ...prompts },
      tools: backend === 'builtin' ? toolNames : undefined,
      consent,
      claims: claimsFor(allowlist),
    })),
    clients: clientsOf(config),
    registration: config.registration,
    clientMetadata: clientMetadata || undefined,
    resourceIndicators: config.resourceIndicators,
    sessions: config.sessions,
    demoUser: secrets.testUserPassword && { username: testUsername, email: `${testUsername}@example.org`, firstName: 'Demo', lastName: 'User' },
    users: config.users,
    identityProviders: { ...config.identityProviders, discoveryUrl: callbacks?.oidc?.discoveryUrl },
  });
}

/** What a token must say of a person for an allow-list to know them. The name is in each. */
function claimsFor(allowlist: Allowlist | undefined): Claim[] {
  const claims: Claim[] = [];
  if (allowlist?.groups.length) claims.push('groups');
  if (allowlist?.domains.length || allowlist?.users.some((user) => user.includes('@'))) claims.push('email');
  return claims;
}
