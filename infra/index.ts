import * as pulumi from '@pulumi/pulumi';
import { createBackends } from './backend.ts';
import { CloudflareAccount } from './cloudflare-account.ts';
import { warningsOf } from './config.ts';
import { keycloakOf } from './config/authorization-server.ts';
import { clientsOf } from './config/clients.ts';
import { managesDns } from './config/cloudflare.ts';
import { testUsername } from './config/users.ts';
import { Database } from './database.ts';
import { createDns } from './dns.ts';
import { edgeSubject } from './edge-subject.ts';
import { deriveEndpoints } from './endpoints.ts';
import { HostIngress } from './host-ingress.ts';
import { Images } from './images.ts';
import { Keycloak } from './keycloak.ts';
import { createMachines } from './machine.ts';
import { McpServer } from './mcp-server.ts';
import { createNetwork, PREVIEWS_NETWORK } from './network.ts';
import { createRealm, previewsAccount } from './realm.ts';
import { oneTimePasswords, Secrets } from './secrets.ts';
import { backupCommand, objectNameOf } from './stack.ts';
import { readStackConfig, secretOf } from './stack-config.ts';
import { TunnelIngress } from './tunnel-ingress.ts';
import { createVolumes } from './volumes.ts';

// config → endpoints → everything else. Nothing below puts a URL together.
const config = readStackConfig();
for (const warning of warningsOf(config)) void pulumi.log.warn(warning);
const endpoints = deriveEndpoints(config);
const { authorizationServer } = endpoints;
const production = config.profile === 'production';
const account = config.cloudflare && managesDns(config) ? new CloudflareAccount(config.cloudflare, config, endpoints, secretOf) : undefined;
const { app, proxy } = createMachines(config, account ? [account.prepared] : []);

const secrets = new Secrets('secrets', {
  keycloak: authorizationServer && { rotation: config.rotation, previewRealms: config.previewRealms },
  realm: authorizationServer || endpoints.realmElsewhere ? { testUser: !production, users: config.users.map(({ username }) => username), rotation: config.rotation } : undefined,
  bearerToken: config.auth === 'bearer' && Object.keys(config.bearerTokens).length === 0,
  identityKey: endpoints.identityJwks !== undefined,
});
const images = new Images('images', { machine: app });
const edge = createNetwork('edge', { machine: app });

let database: Database | undefined;
let keycloak: Keycloak | undefined;
if (authorizationServer && secrets.keycloak && secrets.realm) {
  const data = createNetwork('data', { machine: app, internal: true });
  database = new Database('database', { machine: app, image: images.pulled('postgres'), network: data, password: secrets.keycloak.databasePassword, protect: production });
  keycloak = new Keycloak('keycloak', {
    machine: app,
    images,
    edge,
    data,
    previews: config.previewRealms ? createNetwork(PREVIEWS_NETWORK, { machine: app, internal: true }) : undefined,
    database,
    config,
    authorizationServer,
    servers: endpoints.servers,
    secrets: secrets.keycloak,
    realmSecrets: secrets.realm,
    secretOf,
    published: endpoints.published,
  });
} else if (production) {
  void pulumi.log.info(Database.stillProtected(app));
}
const backends = createBackends(config, { machine: app, images, protect: production, secretOf });
const elsewhere = keycloakOf(config.authorizationServer);
const networks = [edge.name, ...backends.map(({ network }) => network.name), ...(elsewhere ? [objectNameOf(elsewhere, PREVIEWS_NETWORK)] : [])];
if (elsewhere && endpoints.realmElsewhere && secrets.realm) {
  const there = { origin: Keycloak.origin, basePath: endpoints.realmElsewhere.basePath, container: objectNameOf(elsewhere, Keycloak.alias), network: objectNameOf(elsewhere, PREVIEWS_NETWORK) };
  createRealm('realm', { machine: app, images, config, servers: endpoints.servers, secrets: secrets.realm, secretOf, keycloak: there, account: previewsAccount(elsewhere) }, {});
}
// One that takes over from another must find Keycloak's keys, and what it asks for in the realm. In profile local nobody is served meanwhile, and both start at once.
const dependsOn = endpoints.published && keycloak ? [keycloak] : [];
const server = new McpServer('server', { machine: app, images, networks, config, endpoints, secrets, secretOf, jwksOrigin: Keycloak.origin }, { dependsOn });
const split = app !== proxy;
const proxyImages = split ? new Images('proxy-images', { machine: proxy }) : images;
const volumes = createVolumes(proxy, { protect: production });
const wayIn = { machine: proxy, images: proxyImages, volumes, config, endpoints };
let tunnel: TunnelIngress | undefined;
let ingress: HostIngress | undefined;
if (config.tier === 'tunnel' && account && endpoints.published && server.place) tunnel = new TunnelIngress('ingress', { ...wayIn, account, published: endpoints.published, server: server.place });
else ingress = new HostIngress('ingress', { ...wayIn, network: split ? createNetwork('proxy', { machine: proxy }) : edge, server: server.place, secretOf });
const dns = account && createDns(account, config, endpoints.hosts, tunnel?.tunnel.id, [tunnel ?? ingress!]);
// Last of all: what Cloudflare does to clients is seen from outside.
if (tunnel) account!.running('edge-seen', 'look', { create: 'look' }, edgeSubject(config, endpoints), { dependsOn: dns });

const callbackUrls = Object.entries(authorizationServer?.identityProviders ?? {}).map(([alias, { callbackUrl }]) => [alias, { callbackUrl }] as const);
const outputs = {
  tier: config.tier,
  auth: config.auth,
  issuer: endpoints.issuer?.issuer,
  jwksUrl: (authorizationServer ?? endpoints.realmElsewhere)?.jwksUrl,
  authorizationServerMetadataUrl: (authorizationServer ?? endpoints.realmElsewhere)?.metadataUrl,
  identityJwksUrl: endpoints.identityJwks?.url,
  resources: Object.fromEntries(endpoints.servers.map(({ name, resource, metadataUrl }, index) => [name, { url: resource, metadataUrl, scopes: config.servers[index]?.scopes }])),
  clients: authorizationServer || elsewhere ? Object.fromEntries(clientsOf(config).map(({ clientId }) => [clientId, clientId])) : undefined,
  // What each provider wants to know when Drawbridge is registered there.
  identityProviders: callbackUrls.length > 0 ? Object.fromEntries(callbackUrls) : undefined,
  caCertificate: ingress?.caCertificate,
  tunnel: tunnel?.tunnel,
  // What is protected, and how to save what it holds: a destroy stops before it deletes anything.
  backup: production ? backupCommand() : undefined,
  bearerToken: secrets.bearerToken,
  users: oneTimePasswords(secrets),
  testUser: secrets.realm?.testUserPassword && pulumi.secret({ username: testUsername, password: secrets.realm.testUserPassword }),
  // With it, other stacks make realms of their own here.
  previewsSecret: secrets.keycloak?.previewsSecret && secrets.keycloak.previewsSecret,
};
// Pulumi warns of each output that there is not.
export default Object.fromEntries(Object.entries(outputs).filter(([, value]) => value !== undefined));
