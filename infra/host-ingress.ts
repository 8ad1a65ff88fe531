import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { renderNginx } from '../proxy/nginx.ts';
import type { Config } from './config.ts';
import { createContainer } from './container.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';
import { Keycloak } from './keycloak.ts';
import { McpServer } from './mcp-server.ts';
import { labels, objectName } from './stack.ts';

export interface HostIngressArgs {
  images: Images;
  edge: docker.Network;
  config: Config;
  endpoints: Endpoints;
  /** Loopback ports of what is behind a front on the host's network; none where it shares the container network. */
  loopbackPorts?: { server: number; keycloak: number };
}

/**
 * The way in on a host: nginx, and certificates of an ACME CA. In profile `local` the front publishes one port, on loopback,
 * and the CA is a Pebble of its own. Otherwise the front is on the host's network, so that firewall rules apply to it (ports
 * that Docker publishes bypass them) and client addresses are real.
 */
export class HostIngress extends pulumi.ComponentResource {
  /** PEM of the CA, only where it is not publicly trusted. */
  readonly caCertificate?: pulumi.Output<string>;
  /** Shell command that writes the ACME account and what it was issued to a file. */
  readonly backup = `docker cp ${objectName('certificates')}:/acme - > ${objectName('acme')}.tar`;

  constructor(name: string, args: HostIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:HostIngress', name, {}, opts);
    const local = args.config.profile === 'local';
    const certificates = this.#volume('certificates', false);
    // The account is known to the CA and bears its rate limits: losing it can lock a name out for days.
    const acme = this.#volume('acme', args.config.profile === 'production');

    const front = this.#front(args, certificates);
    const issuer = this.#certificates(args, front, certificates, acme);
    const serving = new command.local.Command(`${name}-serving`, { create: waitUntilServing(), triggers: [front.id, issuer.id] }, { parent: this });
    if (local) this.caCertificate = serving.stdout;
    this.registerOutputs({ caCertificate: this.caCertificate });
  }

  #volume(role: string, protect: boolean): docker.Volume {
    return new docker.Volume(role, { name: objectName(role), labels: labels() }, { parent: this, protect });
  }

  #front({ images, edge, config, endpoints, loopbackPorts }: HostIngressArgs, certificates: docker.Volume): docker.Container {
    const local = config.profile === 'local';
    const { waiting, serving } = renderNginx({
      endpoints,
      network: local ? 'bridge' : 'host',
      hsts: !local,
      upstreams: loopbackPorts
        ? { server: `http://127.0.0.1:${loopbackPorts.server}`, authorizationServer: `http://127.0.0.1:${loopbackPorts.keycloak}` }
        : { server: `http://${McpServer.alias}:${McpServer.port}`, authorizationServer: Keycloak.origin },
    });
    return createContainer(
      'front',
      {
        image: images.built('front'),
        // On the host's network no user but root can bind 80 and 443, capability or not; nginx's workers are not root.
        user: local ? '101:101' : '0:0',
        capabilities: local ? undefined : ['NET_BIND_SERVICE', 'SETUID', 'SETGID'],
        alias: 'front',
        ...(local ? { networks: [edge.name], ports: [{ internal: 443, external: config.localPort, ip: '127.0.0.1' }] } : { networkMode: 'host' }),
        settings: { NGINX_WAITING_CONF: waiting, NGINX_CONF: serving },
        // Group 0 may write as well: a root without capabilities is just another user to files of uid 101.
        tmpfs: { '/run/nginx': 'rw,uid=101,gid=0,mode=0770', '/var/cache/nginx': 'rw,uid=101,gid=0,mode=0700' },
        volumes: [{ volume: certificates.name, path: '/certificates', readOnly: true }],
        // It serves once there is a certificate, and the container that gets one waits for the front: so nobody waits here.
        health: { command: ['sh', '/usr/local/lib/drawbridge/front-health.sh'], within: 60, wait: false },
        stopTimeout: 30,
        memory: 256,
      },
      { parent: this },
    );
  }

  #certificates({ images, edge, config, endpoints }: HostIngressArgs, front: docker.Container, certificates: docker.Volume, acme: docker.Volume): docker.Container {
    const local = config.profile === 'local';
    const pebble = local ? this.#pebble(images, front) : undefined;
    return createContainer(
      'certificates',
      {
        image: images.built('certificates'),
        user: '101:0',
        alias: 'certificates',
        networks: [edge.name],
        settings: {
          ACME_DIRECTORY: local ? 'https://front:14000/dir' : config.acme.directory,
          ACME_EMAIL: config.acme.email ?? '',
          NAMES: endpoints.hosts.join(' '),
          ...(local ? { THROWAWAY_CA_ROOT: 'https://front:15000/roots/0', RETRY_SECONDS: '2' } : {}),
        },
        tmpfs: { '/tmp': 'rw,mode=1777' },
        volumes: [
          { volume: certificates.name, path: '/certificates' },
          { volume: acme.name, path: '/acme' },
        ],
        health: { command: ['test', '-e', '/certificates/live/fullchain.pem'], within: 120 },
        stopTimeout: 10,
        memory: 128,
      },
      { parent: this, dependsOn: pebble ? [front, pebble] : [front] },
    );
  }

  /** A test CA in the front's network namespace, where `localhost` is the front: HTTP-01 needs port 80 of the name. */
  #pebble(images: Images, front: docker.Container): docker.Container {
    return createContainer(
      'pebble',
      {
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

/** Ends when the front serves TLS, and prints the CA's certificate where the CA is a private one. */
function waitUntilServing(): string {
  const [front, certificates] = [objectName('front'), objectName('certificates')];
  return [
    'for attempt in $(seq 120); do',
    `  docker exec ${front} sh /usr/local/lib/drawbridge/front-health.sh >/dev/null 2>&1 && exec docker exec ${front} sh -c 'cat /certificates/live/ca.pem 2>/dev/null || true'`,
    '  sleep 0.5',
    'done',
    `echo "The front does not serve TLS after a minute. What the ACME client says (docker logs ${certificates}):" >&2`,
    `docker logs --tail 5 ${certificates} >&2`,
    'exit 1',
  ].join('\n');
}
