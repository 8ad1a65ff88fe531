import * as cloudflare from '@pulumi/cloudflare';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { WantedRules } from '../cloudflare/rules/wanted.ts';
import { configurationText } from '../proxy/front.ts';
import { renderNginx } from '../proxy/nginx.ts';
import { routeTable } from '../proxy/routes.ts';
import { renderTunnel } from '../proxy/tunnel.ts';
import type { CloudflareAccount, OfTheZone } from './cloudflare-account.ts';
import type { Config } from './config.ts';
import { networksOf } from './config/networks.ts';
import { createContainer } from './container.ts';
import type { Endpoints, Published } from './endpoints.ts';
import { configureFront, createFront, frontUser } from './front.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import type { Place } from './place.ts';
import { connectorRoles } from './roles.ts';
import { tunnelName } from './stack.ts';
import type { WayInVolumes } from './volumes.ts';

export interface TunnelIngressArgs {
  account: CloudflareAccount;
  machine: Machine;
  images: Images;
  volumes: WayInVolumes;
  config: Config;
  endpoints: Endpoints;
  published: Published;
  /** Where the server stands that the front is to lead to. */
  server: pulumi.Output<Place>;
}

/** Of cloudflared's image. */
const CONNECTOR_USER = '65532:65532';
/** In which a connector that is to stop finishes what is under way, in seconds. Longer ones are streams, whose clients come back. */
const GRACE = 30;

/**
 * The way in by a tunnel: connectors call Cloudflare's edge, which sends them what clients ask, and they bring it to the front. Nothing
 * listens for the internet.
 */
export class TunnelIngress extends pulumi.ComponentResource {
  readonly tunnel: pulumi.Output<{ id: string; name: string }>;

  constructor(name: string, args: TunnelIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:TunnelIngress', name, {}, { ...opts, ...args.machine.options });
    const { account, machine, endpoints, published } = args;
    const provider = new cloudflare.Provider('cloudflare', { apiToken: account.token }, { parent: this, dependsOn: account.prepared });
    const { accountId } = account;
    // The provider does not get over the lost answer of a deletion: so this deletes it, when its connectors are gone.
    const removed = account.running(`${name}-removed`, 'tunnel', { delete: 'remove' }, { accountId }, { parent: this, dependsOn: account.prepared });
    const tunnel = new cloudflare.ZeroTrustTunnelCloudflared(`${name}-tunnel`, { accountId, name: tunnelName(), configSrc: 'cloudflare' }, { parent: this, provider, retainOnDelete: true, dependsOn: removed });
    const { ingress: ingresses, originRequest } = renderTunnel(endpoints, published.tunnel.front);
    const routed = new cloudflare.ZeroTrustTunnelCloudflaredConfig(`${name}-routes`, { accountId, tunnelId: tunnel.id, config: { ingresses: [...ingresses], originRequest } }, { parent: this, provider });
    // What an earlier run was cut off at is a stray, or was taken for one.
    account.running(`${name}-name`, 'tunnel', { create: 'settle' }, { accountId }, { parent: this, dependsOn: routed }, { CLOUDFLARE_STRAY: account.stray });
    const { token } = cloudflare.getZeroTrustTunnelCloudflaredTokenOutput({ accountId, tunnelId: tunnel.id }, { parent: this, provider });

    const front = this.#front(args);
    const configured = configureFront(name, machine, front, configurationOf(args), { parent: this });
    const connected = this.#connectors(args, pulumi.secret(token), [routed, configured]);
    this.#atTheEdge(name, args, connected);
    this.tunnel = pulumi.output({ id: tunnel.id, name: tunnel.name });
    this.registerOutputs({ tunnel: this.tunnel });
  }

  #front({ machine, images, volumes }: TunnelIngressArgs): docker.Container {
    return createFront(
      { machine, images },
      {
        beside: true,
        user: `${frontUser}:${frontUser}`,
        networkMode: 'host',
        settings: { CONFIGURATION: 'behind-tunnel' },
        volumes: [{ volume: volumes.configuration.name, path: '/configuration' }],
      },
      { parent: this, dependsOn: machine.checked },
    );
  }

  /** One after the other: while one is replaced, the others serve. Each is there once the edge has accepted its connections. */
  #connectors({ machine, images, config, published }: TunnelIngressArgs, token: pulumi.Output<string>, before: pulumi.Resource[]): pulumi.Resource[] {
    const image = images.pulled('cloudflared');
    return connectorRoles(config).reduce<pulumi.Resource[]>((dependsOn, role, index) => {
      const metrics = `127.0.0.1:${published.tunnel.connectorMetrics[index]}`;
      const connector = createContainer(
        role,
        {
          machine,
          image,
          user: CONNECTOR_USER,
          alias: role,
          networkMode: 'host',
          entrypoint: ['cloudflared', 'tunnel', '--no-autoupdate', '--metrics', metrics, '--grace-period', `${GRACE}s`, 'run'],
          secrets: { TUNNEL_TOKEN: token },
          health: { command: ['cloudflared', 'tunnel', '--metrics', metrics, 'ready'], within: 60, hasShell: false },
          stopTimeout: GRACE + 5,
          memory: 256,
        },
        { parent: this, dependsOn },
      );
      return [connector];
    }, before);
  }

  /** What Cloudflare's edge would otherwise do to the calls of clients. */
  #atTheEdge(name: string, { account, config, endpoints }: TunnelIngressArgs, dependsOn: pulumi.Resource[]): void {
    const networks = networksOf(config.dataPlaneAllowlist);
    const paths = routeTable(endpoints).flatMap(({ kind, host, path }) => (kind === 'mcp' ? [{ host, path }] : []));
    const rules: OfTheZone<WantedRules> = { bypassCache: endpoints.hosts.map((host) => ({ host, path: '/', match: 'prefix' })), ...(networks.length > 0 && { callers: { networks, paths } }) };
    account.running(`${name}-rules`, 'rules', { create: 'apply', delete: 'remove' }, rules, { parent: this, dependsOn });
    if (!config.cloudflare!.manageBotSettings) return;
    // What was there is in the state before anything is changed: a run that is cut off then loses nothing of it.
    const remembered = account.running(`${name}-bots`, 'bots', { create: 'remember', delete: 'restore' }, {}, { parent: this, dependsOn });
    account.running(`${name}-bots-allowed`, 'bots', { create: 'allow' }, {}, { parent: this, dependsOn: remembered });
  }
}

/** The front's configuration. It leads to where the server is once that is healthy there. */
function configurationOf({ config, endpoints, published, server }: TunnelIngressArgs): pulumi.Output<string> {
  return server.apply((place) => {
    const upstreams = { server: published.server[place].origin, authorizationServer: published.keycloak.origin };
    const nextServer = published.server[place === 'a' ? 'b' : 'a'].origin;
    const callers = networksOf(config.dataPlaneAllowlist);
    return configurationText(renderNginx({ endpoints, network: 'host', connectorPort: published.tunnel.front, hsts: true, callers, upstreams, nextServer }));
  });
}
