// The part of infra/index.ts that has to do with Cloudflare: the way in of either tier and what comes before and after it, without what it leads to.
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { CloudflareAccount } from '../../../infra/cloudflare-account.ts';
import { createDns } from '../../../infra/dns.ts';
import { deriveEndpoints } from '../../../infra/endpoints.ts';
import { HostIngress } from '../../../infra/host-ingress.ts';
import type { Images } from '../../../infra/images.ts';
import { Machine } from '../../../infra/machine.ts';
import { readStackConfig, secretOf } from '../../../infra/stack-config.ts';
import { TunnelIngress } from '../../../infra/tunnel-ingress.ts';
import { createVolumes } from '../../../infra/volumes.ts';

const config = readStackConfig();
const endpoints = deriveEndpoints(config);
const account = new CloudflareAccount(config.cloudflare!, config, endpoints, secretOf);
const machine = new Machine('local', [account.prepared]);
const images = { built: pulumi.output, pulled: pulumi.output } as unknown as Images;
const wayIn = { machine, images, volumes: createVolumes(machine, { protect: false }), config, endpoints, server: pulumi.output('a' as const) };
const network = { name: pulumi.output('edge') } as docker.Network;
const tunnel = config.tier === 'tunnel' ? new TunnelIngress('ingress', { ...wayIn, account, published: endpoints.published! }) : undefined;
const ingress = tunnel ?? new HostIngress('ingress', { ...wayIn, network, secretOf });
createDns(account, config, endpoints.hosts, tunnel?.tunnel.id, [ingress]);
