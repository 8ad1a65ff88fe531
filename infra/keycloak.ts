import * as command from '@pulumi/command';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { keycloakOptions } from '../keycloak/options.ts';
import { desiredRealm } from '../keycloak/realm.ts';
import type { Config } from './config.ts';
import { createContainer } from './container.ts';
import type { Database } from './database.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Secrets } from './secrets.ts';
import { objectName, stackLabel } from './stack.ts';

export interface KeycloakArgs {
  images: Images;
  /** Network it shares with the front and the server. */
  edge: docker.Network;
  /** Network it shares with its database. */
  data: docker.Network;
  database: Database;
  config: Config;
  endpoints: Endpoints;
  secrets: Secrets;
  loopbackPort?: number;
}

/** For native programs that do not register themselves: any loopback port is theirs to listen on (RFC 8252 §7.3). */
const preRegistered = { clientId: 'drawbridge', name: 'Drawbridge', redirectUris: ['http://127.0.0.1/callback', 'http://localhost/callback'] };

/** The clients that find their way by registering themselves (RFC 7591). */
const selfRegistering = ['claude', 'claude-code', 'chatgpt', 'vscode', 'cursor', 'inspector', 'mcp-remote'];

/** The authorization server: Keycloak, and the realm brought to what the config says. */
export class Keycloak extends pulumi.ComponentResource {
  static readonly alias = 'keycloak';
  static readonly port = 8080;
  /** Origin inside the container network. */
  static readonly origin = `http://${Keycloak.alias}:${Keycloak.port}`;

  /** MCP client → its client id, or `dynamic` where it registers itself. */
  readonly clients: Record<string, string>;
  readonly testUsername = 'demo';

  constructor(name: string, args: KeycloakArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:Keycloak', name, {}, opts);
    const { config, endpoints, secrets, database } = args;
    const bootstrapClientId = 'drawbridge-bootstrap';
    const container = createContainer(
      'keycloak',
      {
        image: args.images.built('keycloak'),
        user: '1000:0',
        alias: Keycloak.alias,
        networks: [args.edge.name, args.data.name],
        ports: args.loopbackPort ? [{ internal: Keycloak.port, external: args.loopbackPort, ip: '127.0.0.1' }] : undefined,
        settings: {
          ...keycloakOptions({ baseUrl: endpoints.authorizationServer.baseUrl, database }),
          // Read by Keycloak at its very first start only. The applier deletes this account once the realm stands.
          KC_BOOTSTRAP_ADMIN_CLIENT_ID: bootstrapClientId,
        },
        secrets: { KC_BOOTSTRAP_ADMIN_CLIENT_SECRET: secrets.bootstrapSecret, KC_DB_PASSWORD: secrets.databasePassword },
        tmpfs: { '/tmp': 'rw,uid=1000,gid=0,mode=0700', '/opt/keycloak/data': 'rw,uid=1000,gid=0,mode=0700' },
        health: { command: ['/opt/keycloak/health.sh'], within: 180 },
        stopTimeout: 30,
        memory: 1024,
      },
      { parent: this, dependsOn: [database] },
    );

    const desired = desiredRealm({
      realm: config.realm,
      servers: endpoints.servers.map(({ name: server, resource }, index) => ({ name: server, resource, scopes: config.servers[index]!.scopes })),
      clients: [preRegistered],
      demoUser: secrets.testUserPassword && { username: this.testUsername, email: `${this.testUsername}@example.org`, firstName: 'Demo', lastName: 'User' },
    });
    const input = {
      url: `${Keycloak.origin}${endpoints.authorizationServer.basePath}`,
      desired,
      applier: { clientId: 'drawbridge-applier', clientSecret: secrets.applierSecret },
      bootstrap: { clientId: bootstrapClientId, clientSecret: secrets.bootstrapSecret },
      userPasswords: secrets.testUserPassword ? { [this.testUsername]: secrets.testUserPassword } : {},
    };
    // Keycloak's admin API is not public, so the applier runs inside the network. Secrets go by standard input: a
    // command line is readable by every process of the host. A container that a killed run left is removed first.
    const applier = objectName('applier');
    const remove = `docker rm --force ${applier} >/dev/null 2>&1`;
    const run = pulumi.interpolate`docker run --rm --interactive --name ${applier} --label ${stackLabel}=${pulumi.getStack()} --network ${args.edge.name} --read-only --memory 256m --cap-drop ALL --security-opt no-new-privileges ${args.images.built('applier')}`;
    new command.local.Command(
      `${name}-realm`,
      { create: pulumi.interpolate`${remove}; ${run}`, delete: `${remove} || true`, stdin: pulumi.secret(pulumi.jsonStringify(input)), triggers: [container.id] },
      { parent: this, dependsOn: [container] },
    );
    this.clients = { [preRegistered.clientId]: preRegistered.clientId, ...Object.fromEntries(selfRegistering.map((client) => [client, 'dynamic'])) };
    this.registerOutputs({ clients: this.clients });
  }
}
