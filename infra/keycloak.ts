import * as command from '@pulumi/command';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { toolNames } from '../backends/builtin/tool-names.ts';
import { versions } from '../images/versions.ts';
import { documentHosts } from '../keycloak/client-metadata.ts';
import { features, passesOverGrantTypes } from '../keycloak/features.ts';
import type { Claim } from '../keycloak/mappers.ts';
import { hostsOf } from '../keycloak/identity-providers.ts';
import { keycloakOptions } from '../keycloak/options.ts';
import { desiredRealm } from '../keycloak/realm.ts';
import type { Config } from './config.ts';
import { clientsOf } from './config/clients.ts';
import { testUsername } from './config/users.ts';
import type { Allowlist } from './config/values.ts';
import { createContainer } from './container.ts';
import type { Database } from './database.ts';
import type { AuthorizationServerEndpoints, Endpoints, Published } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import type { KeycloakSecrets } from './secrets.ts';
import type { SecretOf } from './stack-config.ts';
import { objectName, stackLabel } from './stack.ts';

export interface KeycloakArgs {
  images: Images;
  machine: Machine;
  /** Network it shares with the front and the server. */
  edge: docker.Network;
  /** Network it shares with its database. */
  data: docker.Network;
  database: Database;
  config: Config;
  authorizationServer: AuthorizationServerEndpoints;
  servers: Endpoints['servers'];
  secrets: KeycloakSecrets;
  secretOf: SecretOf;
  /** Where a front on the host's network finds it. */
  published?: Published;
}

/** The authorization server: Keycloak, and the realm brought to what the config says. */
export class Keycloak extends pulumi.ComponentResource {
  static readonly alias = 'keycloak';
  static readonly port = 8080;
  /** Origin inside the container network. */
  static readonly origin = `http://${Keycloak.alias}:${Keycloak.port}`;

  /** MCP client → its client id, for where a client asks for one. */
  readonly clients: Record<string, string>;

  constructor(name: string, args: KeycloakArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Keycloak', name, {}, { ...opts, ...args.machine.options });
    const { config, authorizationServer, secrets, database, machine, published } = args;
    const clients = clientsOf(config);
    const version = versions.keycloak.tag;
    const enabled = features(config, version);
    const clientMetadata = enabled.includes('cimd') && { passesOverGrantTypes: passesOverGrantTypes(version), ...(passesOverGrantTypes(version) && config.resourceIndicators && { resources: args.servers.map(({ resource }) => resource) }) };
    const bootstrapClientId = 'drawbridge-bootstrap';
    const container = createContainer(
      'keycloak',
      {
        machine,
        image: args.images.built('keycloak', enabled.length > 0 ? { FEATURES: enabled.join(',') } : {}),
        user: '1000:0',
        alias: Keycloak.alias,
        networks: [args.edge.name, args.data.name],
        ports: published && [{ internal: Keycloak.port, external: published.keycloak.port, ip: published.address }],
        settings: {
          ...keycloakOptions({
            baseUrl: authorizationServer.baseUrl,
            database,
            frontAddress: config.deploy.proxyAddress,
            outgoingHosts: [...hostsOf(config.identityProviders), ...(clientMetadata ? documentHosts(clients) : [])],
          }),
          // Read by Keycloak at its very first start only. The applier deletes this account once the realm stands.
          KC_BOOTSTRAP_ADMIN_CLIENT_ID: bootstrapClientId,
        },
        secrets: { KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: secrets.bootstrapSecret, KC_DB_PASSWORD: secrets.databasePassword },
        tmpfs: { '/tmp': 'rw,uid=1000,gid=0,mode=0700', '/opt/keycloak/data': 'rw,uid=1000,gid=0,mode=0700' },
        health: { command: ['/opt/keycloak/health.sh'], within: 300 },
        stopTimeout: 30,
        memory: 1024,
      },
      { parent: this, dependsOn: [database] },
    );

    const desired = desiredRealm({
      realm: config.realm,
      signingKeys: config.rotation.signingKey,
      servers: config.servers.map(({ name: server, backend, scopes, tools, resources, prompts, consent, allowlist }, index) => ({
        name: server,
        resource: args.servers[index]!.resource,
        scopes,
        needs: { ...tools, ...resources, ...prompts },
        tools: backend === 'builtin' ? toolNames : undefined,
        consent,
        claims: claimsFor(allowlist),
      })),
      clients,
      registration: config.registration,
      clientMetadata: clientMetadata || undefined,
      resourceIndicators: config.resourceIndicators,
      sessions: config.sessions,
      demoUser: secrets.testUserPassword && { username: testUsername, email: `${testUsername}@example.org`, firstName: 'Demo', lastName: 'User' },
      users: config.users,
      identityProviders: { ...config.identityProviders, discoveryUrl: authorizationServer.identityProviders.oidc?.discoveryUrl },
    });
    const input = {
      url: `${Keycloak.origin}${authorizationServer.basePath}`,
      desired,
      applier: { clientId: 'drawbridge-applier', clientSecret: secrets.applierSecret },
      formerSecrets: secrets.formerApplierSecrets,
      bootstrap: { clientId: bootstrapClientId, clientSecret: secrets.bootstrapSecret },
      userPasswords: { ...secrets.oneTimePasswords, ...(secrets.testUserPassword && { [testUsername]: secrets.testUserPassword }) },
      identityProviderSecrets: Object.fromEntries(Object.entries(config.identityProviders).flatMap(([alias, provider]) => (provider ? [[alias, args.secretOf(provider.clientSecret)]] : []))),
    };
    // Keycloak's admin API is not public, so the applier runs inside the network. Secrets go by standard input: a
    // command line is readable by every process of the host. What it says is `up`'s to show, and kept nowhere. A container that a
    // killed run left is removed first.
    const applier = objectName('applier');
    const remove = `docker rm --force ${applier} >/dev/null 2>&1`;
    const run = pulumi.interpolate`docker run --rm --interactive --name ${applier} --label ${stackLabel}=${pulumi.getStack()} --network ${args.edge.name} --log-driver none --read-only --memory 256m --cap-drop ALL --security-opt no-new-privileges ${args.images.built('applier')}`;
    new command.local.Command(
      machine.named(`${name}-realm`),
      { create: machine.running(pulumi.interpolate`${remove}; ${run}`), delete: machine.running(`${remove} || true`), stdin: pulumi.secret(pulumi.jsonStringify(input)), triggers: [container.id] },
      { parent: this, dependsOn: [container] },
    );
    this.clients = Object.fromEntries(clients.map(({ clientId }) => [clientId, clientId]));
    this.registerOutputs({ clients: this.clients });
  }
}

/** What a token must say of a person for an allow-list to know them. The name is in each. */
function claimsFor(allowlist: Allowlist | undefined): Claim[] {
  const claims: Claim[] = [];
  if (allowlist?.groups.length) claims.push('groups');
  if (allowlist?.domains.length || allowlist?.users.some((user) => user.includes('@'))) claims.push('email');
  return claims;
}
