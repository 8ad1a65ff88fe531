import * as command from '@pulumi/command';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { configurationText } from '../proxy/front.ts';
import { renderNginx } from '../proxy/nginx.ts';
import type { Config } from './config.ts';
import { dns01Token } from './config/cloudflare.ts';
import { networksOf } from './config/networks.ts';
import { createContainer } from './container.ts';
import type { Endpoints } from './endpoints.ts';
import { openPorts } from './firewall.ts';
import { configureFront, createFront, frontUser } from './front.ts';
import type { Images } from './images.ts';
import { Keycloak } from './keycloak.ts';
import type { Machine } from './machine.ts';
import { McpServer } from './mcp-server.ts';
import type { Place } from './place.ts';
import type { SecretOf } from './stack-config.ts';
import type { WayInVolumes } from './volumes.ts';
import { setsFirewall } from './wanted.ts';

export interface HostIngressArgs {
  images: Images;
  /** The one that the front shares with what is behind it, in profile local; everywhere the one from which the ACME CA is asked. */
  network: docker.Network;
  config: Config;
  endpoints: Endpoints;
  machine: Machine;
  volumes: WayInVolumes;
  /** Where the server stands that it is to lead to. None where it is found by its name. */
  server: pulumi.Output<Place> | undefined;
  secretOf: SecretOf;
}

/**
 * The way in on a host: nginx, and certificates of an ACME CA. In profile `local` the front publishes one port, on loopback,
 * and the CA is a Pebble of its own. Otherwise the front is on the host's network, so that firewall rules apply to it (ports
 * that Docker publishes bypass them) and client addresses are real.
 */
export class HostIngress extends pulumi.ComponentResource {
  /** PEM of the CA, only where it is not publicly trusted. */
  readonly caCertificate?: pulumi.Output<string>;

  constructor(name: string, args: HostIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:HostIngress', name, {}, { ...opts, ...args.machine.options });
    const local = args.config.profile === 'local';
    const front = this.#front(args);
    const configured = configureFront(name, args.machine, front, configurationOf(args), { parent: this });
    const issuer = this.#certificates(args, front, configured);
    const serving = new command.local.Command(args.machine.named(`${name}-serving`), { create: args.machine.running(waitUntilServing(front, issuer)), triggers: [front.id, issuer.id] }, { parent: this });
    if (local) this.caCertificate = serving.stdout;
    this.registerOutputs({ caCertificate: this.caCertificate });
  }

  #front({ images, network, config, endpoints, machine, volumes }: HostIngressArgs): docker.Container {
    const local = config.profile === 'local';
    const opened = setsFirewall(config) ? [openPorts(machine.named('firewall-ports'), machine.target, config, { parent: this, dependsOn: machine.checked })] : [];
    return createFront(
      { machine, images },
      {
        beside: !local,
        // On the host's network no user but root can bind 80 and 443, capability or not; nginx's workers are not root.
        user: local ? `${frontUser}:${frontUser}` : '0:0',
        capabilities: local ? undefined : ['CAP_NET_BIND_SERVICE', 'CAP_SETGID', 'CAP_SETUID'],
        ...(local ? { networks: [network.name], ports: [{ internal: 443, external: config.localPort, ip: '127.0.0.1' }] } : { networkMode: 'host' }),
        // Pebble, which is in the same network, asks for the proofs of names that are in no DNS.
        hosts: local && endpoints.hosts.join() !== 'localhost' ? endpoints.hosts.map((host) => ({ host, ip: '127.0.0.1' })) : undefined,
        volumes: [
          { volume: volumes.certificates.name, path: '/certificates', readOnly: true },
          { volume: volumes.configuration.name, path: '/configuration' },
        ],
      },
      { parent: this, dependsOn: opened },
    );
  }

  #certificates({ machine, images, network, config, endpoints, volumes, secretOf }: HostIngressArgs, front: docker.Container, configured: pulumi.Resource): docker.Container {
    const local = config.profile === 'local';
    const { email, profile } = config.acme;
    const token = dns01Token(config);
    const pebble = local ? this.#pebble(machine, images, front) : undefined;
    return createContainer(
      'certificates',
      {
        machine,
        image: images.built('certificates'),
        user: '101:0',
        alias: 'certificates',
        networks: [network.name],
        settings: {
          NAMES: endpoints.hosts.join(' '),
          ...(local
            ? { ACME_DIRECTORY: 'https://front:14000/dir', THROWAWAY_CA_ROOT: 'https://front:15000/roots/0', RETRY_SECONDS: '2' }
            : { ACME_DIRECTORY: endpoints.acmeDirectory, ...(email && { ACME_EMAIL: email }), ...(profile && { ACME_PROFILE: profile }) }),
        },
        secrets: token && !local ? { CLOUDFLARE_TOKEN: secretOf(token) } : undefined,
        tmpfs: { '/tmp': 'rw,mode=1777' },
        volumes: [
          { volume: volumes.certificates.name, path: '/certificates' },
          { volume: volumes.acme.name, path: '/acme' },
        ],
        // For the names of today: with another layout, the certificate of the former one is still there.
        // Whoever waits for the front to serve sees why it does not.
        health: { command: ['sh', '-c', CERTIFIED], within: 120, wait: false },
        // certbot takes its DNS records back first.
        stopTimeout: 20,
        memory: 128,
      },
      { parent: this, dependsOn: pebble ? [configured, pebble] : [configured] },
    );
  }

  /** A test CA in the front's network namespace, where `localhost` is the front: HTTP-01 needs port 80 of the name. */
  #pebble(machine: Machine, images: Images, front: docker.Container): docker.Container {
    return createContainer(
      'pebble',
      {
        machine,
        image: images.built('pebble'),
        user: '65534:65534',
        alias: 'pebble',
        networkMode: pulumi.interpolate`container:${front.id}`,
        stopTimeout: 5,
        memory: 64,
      },
      { parent: this },
    );
  }
}

/** The front's configuration. It leads to where the server is once that is healthy there. */
function configurationOf({ config, endpoints, server }: HostIngressArgs): pulumi.Output<string> {
  const { published } = endpoints;
  const local = config.profile === 'local';
  const common = { endpoints, hsts: !local, callers: networksOf(config.dataPlaneAllowlist), trustedProxies: config.trustedProxies };
  if (!published || !server) {
    const upstreams = { server: `http://${McpServer.alias}:${McpServer.port}`, authorizationServer: Keycloak.origin };
    return pulumi.output(configurationText(renderNginx({ ...common, network: 'bridge', upstreams })));
  }
  return server.apply((place) => {
    const upstreams = { server: published.server[place].origin, authorizationServer: published.keycloak.origin };
    const nextServer = published.server[place === 'a' ? 'b' : 'a'].origin;
    return configurationText(renderNginx({ ...common, network: 'host', metricsPort: published.frontMetrics, upstreams, nextServer }));
  });
}

const CERTIFIED = 'test "$(cat /certificates/live/names 2>/dev/null)" = "$NAMES"';

/** Ends when the front serves TLS with the certificate that is published, and prints the CA's certificate where the CA is a private one. */
function waitUntilServing({ name: front }: docker.Container, { name: certificates }: docker.Container): pulumi.Output<string> {
  const serves = 'sh /usr/local/lib/drawbridge/front-health.sh && cmp /run/nginx/certificate/fullchain.pem /certificates/live/fullchain.pem';
  return pulumi.interpolate`for attempt in $(seq 240); do
  docker exec ${certificates} sh -c '${CERTIFIED}' && docker exec ${front} sh -c '${serves}' >/dev/null 2>&1 && exec docker exec ${front} sh -c 'cat /certificates/live/ca.pem 2>/dev/null || true'
  sleep 0.5
done
echo "The front does not serve TLS with that certificate after two minutes, for all of its names. Do they lead here, and is port 80 open to the ACME CA? What the ACME client says (docker logs ${certificates}):" >&2
docker logs --tail 5 ${certificates} >&2
exit 1`;
}
