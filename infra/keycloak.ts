import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { documentHosts } from '../keycloak/client-metadata.ts';
import { hostsOf } from '../keycloak/identity-providers.ts';
import { keycloakOptions } from '../keycloak/options.ts';
import type { Config } from './config.ts';
import { clientsOf } from './config/clients.ts';
import { createContainer } from './container.ts';
import type { Database } from './database.ts';
import type { AuthorizationServerEndpoints, Endpoints, Published } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import { createRealm, featuresOf, PREVIEWS_CLIENT } from './realm.ts';
import type { KeycloakSecrets, RealmSecrets } from './secrets.ts';
import type { SecretOf } from './stack-config.ts';

export interface KeycloakArgs {
  images: Images;
  machine: Machine;
  /** Network it shares with the front and the server. */
  edge: docker.Network;
  /** Network it shares with its database. */
  data: docker.Network;
  /** Network it shares with gateways of previews, where these may have realms here. */
  previews?: docker.Network;
  database: Database;
  config: Config;
  authorizationServer: AuthorizationServerEndpoints;
  servers: Endpoints['servers'];
  secrets: KeycloakSecrets;
  realmSecrets: RealmSecrets;
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

  constructor(name: string, args: KeycloakArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Keycloak', name, {}, { ...opts, ...args.machine.options });
    const { config, authorizationServer, secrets, database, machine, published } = args;
    const clients = clientsOf(config);
    const enabled = featuresOf(config);
    const bootstrapClientId = 'drawbridge-bootstrap';
    const container = createContainer(
      'keycloak',
      {
        machine,
        image: args.images.built('keycloak', enabled.length > 0 ? { FEATURES: enabled.join(',') } : {}),
        user: '1000:0',
        alias: Keycloak.alias,
        networks: [args.edge.name, args.data.name, ...(args.previews ? [args.previews.name] : [])],
        ports: published && [{ internal: Keycloak.port, external: published.keycloak.port, ip: published.address }],
        settings: {
          ...keycloakOptions({
            baseUrl: authorizationServer.baseUrl,
            database,
            frontAddress: config.deploy.proxyAddress,
            outgoingHosts: [...hostsOf(config.identityProviders), ...(enabled.includes('cimd') ? documentHosts(clients) : [])],
          }),
          // Read by Keycloak at its very first start only. The applier deletes this account once the realm stands.
          KC_BOOTSTRAP_ADMIN_CLIENT_ID: bootstrapClientId,
          // Where few people sign in, and starts are many: by a third faster ones, in 130 MB less. What runs for long is slower for it.
          ...(config.profile !== 'production' && { JAVA_OPTS_APPEND: '-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1' }),
        },
        secrets: { KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: secrets.bootstrapSecret, KC_DB_PASSWORD: secrets.databasePassword },
        tmpfs: { '/tmp': 'rw,uid=1000,gid=0,mode=0700', '/opt/keycloak/data': 'rw,uid=1000,gid=0,mode=0700' },
        health: { command: ['/opt/keycloak/health.sh'], within: 300 },
        stopTimeout: 30,
        memory: 1024,
      },
      { parent: this, dependsOn: [database] },
    );

    createRealm(
      `${name}-realm`,
      {
        ...args,
        keycloak: { origin: Keycloak.origin, basePath: authorizationServer.basePath, container: container.name, network: args.edge.name },
        account: { clientId: bootstrapClientId, clientSecret: secrets.bootstrapSecret },
        previews: secrets.previewsSecret && { clientId: PREVIEWS_CLIENT, clientSecret: secrets.previewsSecret },
        callbacks: authorizationServer.identityProviders,
        secrets: args.realmSecrets,
      },
      { parent: this, dependsOn: [container] },
      [container.id],
    );
    this.registerOutputs({});
  }
}
