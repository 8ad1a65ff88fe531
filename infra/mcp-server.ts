import * as pulumi from '@pulumi/pulumi';
import type { Config, ServerConfig } from './config.ts';
import { createContainer } from './container.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import { type Place, placeOf } from './place.ts';
import { type Secrets, sha256 } from './secrets.ts';
import type { SecretOf } from './stack-config.ts';

/** By which a container knows the machine that it is on. */
const thisMachine = 'host.docker.internal';

export interface McpServerArgs {
  images: Images;
  machine: Machine;
  /** Names of the one it shares with the front, of one with each backend, and of one with a Keycloak that is another stack's. */
  networks: pulumi.Input<string>[];
  config: Config;
  endpoints: Endpoints;
  secrets: Secrets;
  secretOf: SecretOf;
  /** Origin inside the container network from which Keycloak's JWKS is fetched. */
  jwksOrigin: string;
}

/** The gateway: checks who calls and what they may, and passes on to the backends. It issues no token and passes none on. */
export class McpServer extends pulumi.ComponentResource {
  static readonly alias = 'server';
  static readonly port = 8080;
  static readonly metricsPort = 8082;
  /** Where it stands, of the two places at which a front on the host's network can find it. */
  readonly place?: pulumi.Output<Place>;

  constructor(name: string, args: McpServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:McpServer', name, {}, { ...opts, ...args.machine.options });
    const { config, endpoints } = args;
    const { published } = endpoints;
    const metricsPort = published && McpServer.metricsPort;
    // Another serves by then, so that calls can take their time: hosted clients wait 300 s for one.
    const stopSeconds = published ? 300 : 8;
    const settings = {
      port: McpServer.port,
      healthPort: 8081,
      metricsPort,
      allowedHosts: endpoints.hosts,
      auth: authSettings(args),
      limits: config.limits,
      stopSeconds,
      identityKey: args.secrets.identityKey,
      identityJwksPath: endpoints.identityJwks?.path,
      servers: config.servers.map((server, index) => serverSettings(server, endpoints.servers[index]!, args.secretOf)),
    };
    const container = createContainer(
      'server',
      {
        machine: args.machine,
        beside: published !== undefined,
        image: args.images.built('server'),
        user: '1000:1000',
        alias: McpServer.alias,
        networks: args.networks,
        ports:
          published &&
          ((place) => [
            { internal: McpServer.port, external: published.server[place].port, ip: published.address },
            { internal: McpServer.metricsPort, external: published.server[place].metrics, ip: '127.0.0.1' },
          ]),
        hosts: endpoints.servers.some(({ backendUrl }) => new URL(backendUrl).hostname === thisMachine) ? [{ host: thisMachine, ip: 'host-gateway' }] : undefined,
        settings: { DRAWBRIDGE_SERVER: pulumi.jsonStringify(settings) },
        health: { command: ['bash', 'server/health.sh'], within: 90 },
        stopTimeout: stopSeconds + 10,
        memory: 512,
      },
      { parent: this },
    );
    if (published) this.place = placeOf(container);
    this.registerOutputs({});
  }
}

/** How it checks who calls. */
function authSettings({ config, endpoints, secrets, secretOf, jwksOrigin }: McpServerArgs) {
  if (config.auth === 'none') return { kind: 'none' };
  if (config.auth === 'bearer') {
    const configured = Object.entries(config.bearerTokens).map(([name, reference]) => ({ name, token: secretOf(reference) }));
    const tokens = secrets.bearerToken ? [{ name: 'drawbridge', token: secrets.bearerToken }] : configured;
    return { kind: 'bearer', tokens: tokens.map(({ name, token }) => ({ name, sha256: token.apply(sha256) })) };
  }
  const { authorizationServer, issuer, realmElsewhere } = endpoints;
  if (authorizationServer) return { kind: 'jwks', issuer: authorizationServer.issuer, jwksUrl: `${jwksOrigin}${authorizationServer.jwksPath}` };
  if (realmElsewhere) return { kind: 'jwks', issuer: issuer!.issuer, jwksUrl: `${jwksOrigin}${realmElsewhere.jwksPath}` };
  const { introspection } = config.authorizationServer as Exclude<Config['authorizationServer'], string>;
  if (!introspection) return { kind: 'discovery', ...issuer };
  return { kind: 'introspection', ...issuer, clientId: introspection.clientId, clientSecret: secretOf(introspection.clientSecret) };
}

function serverSettings(server: ServerConfig, { resource, metadataUrl, metadataPaths, backendUrl }: Endpoints['servers'][number], secretOf: SecretOf) {
  const { name, path, backend, scopes, tools, resources, prompts, implies, allowlist, credential } = server;
  // What runs from our own images is the gateway's to trust: it is always told who calls.
  const own = backend === 'builtin' || 'command' in backend;
  const secret = credential && secretOf(credential);
  const headers = secret && { [credential.header]: /^authorization$/i.test(credential.header) ? pulumi.interpolate`Bearer ${secret}` : secret };
  return {
    ...{ name, path, resource, metadataUrl, metadataPaths, scopes, tools, resources, prompts, implies, allowlist },
    backend: { url: backendUrl, identity: own ? 'plain' : (server.identity ?? 'none'), headers: headers ?? {} },
  };
}
