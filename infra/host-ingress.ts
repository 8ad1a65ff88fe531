import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { renderNginx } from '../proxy/nginx.ts';
import { renderRoutes } from '../proxy/routes.ts';
import type { Config } from './config.ts';
import { createContainer } from './container.ts';
import type { Endpoints } from './endpoints.ts';
import type { Images } from './images.ts';
import { labels, objectName } from './stack.ts';

export interface HostIngressArgs {
  images: Images;
  network: docker.Network;
  config: Config;
  endpoints: Endpoints;
  /** Origins as the front reaches them. */
  upstreams: { server: string; authorizationServer: string };
}

/**
 * The way in on a host: nginx with certificates of an ACME CA. In profile `local` the front publishes one port on
 * loopback and the CA is a Pebble of its own; otherwise it is on the host's network, so that firewall rules apply to it
 * (ports that Docker publishes bypass them) and client addresses are real.
 */
export class HostIngress extends pulumi.ComponentResource {
  /** PEM of the CA, only where it is not publicly trusted. */
  readonly caCertificate?: pulumi.Output<string>;

  constructor(name: string, args: HostIngressArgs, opts?: pulumi.ComponentResourceOptions) {
    super('drawbridge:infra:HostIngress', name, {}, opts);
    const { config, endpoints, images, network } = args;
    const local = config.profile === 'local';

    const certificates = this.#volume('certificates', false);
    const acme = this.#volume('acme', config.profile === 'production');
    void [command, renderNginx, renderRoutes, createContainer, endpoints, images, network, local, certificates, acme];
    this.registerOutputs({ caCertificate: this.caCertificate });
  }

  #volume(role: string, protect: boolean): docker.Volume {
    return new docker.Volume(`ingress-${role}`, { name: objectName(role), labels: labels() }, { parent: this, protect });
  }
}
