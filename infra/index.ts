import * as pulumi from '@pulumi/pulumi';
import { Database } from './database.ts';
import { deriveEndpoints } from './endpoints.ts';
import { HostIngress } from './host-ingress.ts';
import { Images } from './images.ts';
import { Keycloak } from './keycloak.ts';
import { McpServer } from './mcp-server.ts';
import { createNetwork } from './network.ts';
import { Secrets } from './secrets.ts';
import { readStackConfig } from './stack-config.ts';

// config → endpoints → everything else. Nothing below puts a URL together.
const config = readStackConfig();
const endpoints = deriveEndpoints(config);
const production = config.profile === 'production';
// A front on the host's own network reaches the containers by loopback ports, a local one by their names.
const loopbackPorts = config.profile === 'local' ? undefined : { server: 18080, keycloak: 18081 };

const secrets = new Secrets('secrets', { testUser: !production });
const images = new Images('images');
const edge = createNetwork('edge');
const data = createNetwork('data', { internal: true });

const database = new Database('database', { image: images.pulled('postgres'), network: data, password: secrets.databasePassword, protect: production });
const keycloak = new Keycloak('keycloak', { images, edge, data, database, config, endpoints, secrets, loopbackPort: loopbackPorts?.keycloak });
new McpServer('server', { images, edge, config, endpoints, jwksOrigin: Keycloak.origin, loopbackPort: loopbackPorts?.server });
const ingress = new HostIngress('ingress', { images, edge, config, endpoints, loopbackPorts });

export const tier = config.tier;
export const issuer = endpoints.authorizationServer.issuer;
export const jwksUrl = endpoints.authorizationServer.jwksUrl;
export const authorizationServerMetadataUrl = endpoints.authorizationServer.metadataUrl;
export const resources = Object.fromEntries(
  endpoints.servers.map(({ name, resource, metadataUrl }, index) => [name, { url: resource, metadataUrl, scopes: config.servers[index]?.scopes }]),
);
export const clients = keycloak.clients;
export const caCertificate = ingress.caCertificate;
// What is protected, and how to save what it holds: a destroy stops before it deletes anything.
export const backup = production ? { database: database.backup, acmeAccount: ingress.backup } : undefined;
export const testUser = secrets.testUserPassword && pulumi.secret({ username: keycloak.testUsername, password: secrets.testUserPassword });
