import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Machine } from './machine.ts';
import { sha256 } from './secrets.ts';
import { labels, objectName } from './stack.ts';

/** What the bridges of a stack begin with, by which its firewall knows them. The kernel's limit for a name is 15 characters. */
export const bridgePrefix = (stack: string): string => `db${sha256(stack).slice(0, 6)}-`;

export const bridgeName = (stack: string, role: string): string => `${bridgePrefix(stack)}${sha256(role).slice(0, 4)}`;

/** Role of the network on which a Keycloak meets the gateways of stacks that have their realm in it. */
export const PREVIEWS_NETWORK = 'previews';

/** A bridge network of this stack. An `internal` one has no way to the outside. */
export function createNetwork(role: string, { machine, internal }: { machine: Machine; internal?: boolean }, opts?: pulumi.CustomResourceOptions): docker.Network {
  const options = {
    'com.docker.network.bridge.name': bridgeName(pulumi.getStack(), role),
    // A port that is published without an address is for this machine only.
    'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
  };
  return new docker.Network(machine.named(role), { name: objectName(role), labels: labels(), internal, options }, { ...machine.options, dependsOn: machine.checked, ...opts });
}
