import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import type { Wanted } from '../host/firewall/wanted.ts';
import type { Config } from './config.ts';
import { deriveEndpoints } from './endpoints.ts';
import { frontUser } from './front.ts';
import { Keycloak } from './keycloak.ts';
import { McpServer } from './mcp-server.ts';
import { bridgeName, bridgePrefix } from './network.ts';

/**
 * The firewall of one machine: nothing of the stack but its front is reachable there. It stands before the first container does, and
 * goes after the last one has gone.
 */
export function createFirewall(name: string, target: string, config: Config, dependsOn: pulumi.Resource[]): command.local.Command {
  // Which ports are the front's is a matter of the way in: that one may change, and this stays.
  const stdin = JSON.stringify({ ...firewallOf(config, pulumi.getStack(), target), publicPorts: [] });
  return new command.local.Command(name, { create: 'node host/firewall.ts apply', delete: 'node host/firewall.ts remove', stdin }, { dependsOn });
}

/** Opens the ports of a front that listens for the internet. They are closed once it has gone, and what took its place serves. */
export function openPorts(name: string, target: string, config: Config, opts: pulumi.CustomResourceOptions): command.local.Command {
  const stdin = JSON.stringify(firewallOf(config, pulumi.getStack(), target));
  return new command.local.Command(name, { create: 'node host/firewall.ts open', delete: 'node host/firewall.ts close', stdin }, opts);
}

/** What the firewall of a machine is to let through, for a stack that sets one. */
export function firewallOf(config: Config, stack: string, target: string): Wanted {
  const { app, proxy, proxyAddress } = config.deploy;
  const published = deriveEndpoints(config).published!;
  const servers = Object.values(published.server);
  const upstreams = [...servers.map(({ port }) => port), published.keycloak.port];
  const { front, connectorMetrics } = published.tunnel;
  return {
    target,
    stack,
    enforcer: config.firewall as Wanted['enforcer'],
    bridges: bridgePrefix(stack),
    publicPorts: target === proxy && config.tier === 'host' ? [80, 443] : [],
    privatePorts: [...upstreams, ...servers.map(({ metrics }) => metrics), published.frontMetrics],
    ...(config.tier === 'tunnel' && { connectors: { front, user: frontUser, metrics: connectorMetrics } }),
    ...(target === app && { upstream: { bridge: bridgeName(stack, 'edge'), ports: [...new Set([McpServer.port, Keycloak.port, McpServer.metricsPort])] } }),
    ...(target === app && app !== proxy && { proxy: { address: proxyAddress!, ports: upstreams } }),
  };
}
