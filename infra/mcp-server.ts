import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Config } from './config.ts';
import { createContainer } from './container.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';

export interface McpServerArgs {
  images: Images;
  edge: docker.Network;
  config: Config;
  endpoints: Endpoints;
  /** Origin inside the container network from which the JWKS is fetched. */
  jwksOrigin: string;
  /** Loopback port for a front on the host's network; none where the front shares the container network. */
  loopbackPort?: number;
}

/** The resource server: validates tokens, never issues them, and holds no secret. */
export class McpServer extends pulumi.ComponentResource {
  static readonly alias = 'server';
  static readonly port = 8080;

  constructor(name: string, args: McpServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:McpServer', name, {}, opts);
    const { config, endpoints } = args;
    const settings = {
      port: McpServer.port,
      healthPort: 8081,
      issuer: endpoints.authorizationServer.issuer,
      jwksUrl: `${args.jwksOrigin}${endpoints.authorizationServer.jwksPath}`,
      allowedHosts: endpoints.hosts,
      servers: endpoints.servers.map((server, index) => ({
        name: server.name,
        path: server.path,
        resource: server.resource,
        metadataUrl: server.metadataUrl,
        metadataPaths: server.metadataPaths,
        scopes: config.servers[index]?.scopes,
        tools: config.servers[index]?.tools,
      })),
    };
    createContainer(
      'server',
      {
        image: args.images.built('server'),
        user: '1000:1000',
        alias: McpServer.alias,
        networks: [args.edge.name],
        ports: args.loopbackPort ? [{ internal: McpServer.port, external: args.loopbackPort, ip: '127.0.0.1' }] : undefined,
        settings: { DRAWBRIDGE_SERVER: JSON.stringify(settings) },
        health: { command: ['bash', 'server/health.sh'], within: 30 },
        stopTimeout: 15,
        memory: 256,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
