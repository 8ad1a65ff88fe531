import { isIP } from 'node:net';
import type * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import type { WantedDns, WantedRecord } from '../cloudflare/dns/records.ts';
import type { CloudflareAccount, OfTheZone } from './cloudflare-account.ts';
import type { Config } from './config.ts';

/**
 * Where the public names lead: one resource in both tiers, so that a change of tier is a change of its records. It comes last, when what they
 * lead to serves; what served before goes after it.
 * @param tunnelId of the tunnel, where they lead to one
 */
export function createDns(account: CloudflareAccount, config: Config, hosts: readonly string[], tunnelId: pulumi.Input<string> | undefined, dependsOn: pulumi.Resource[]): command.local.Command {
  const records = pulumi.output(tunnelId).apply((id) => hosts.flatMap((name) => (id === undefined ? toHost(name, config.publicAddresses) : [toTunnel(name, id)])));
  const wanted = records.apply((all): OfTheZone<WantedDns> => ({ adoptDns: config.cloudflare!.adoptDns, records: all }));
  return account.running('dns', 'dns', { create: 'apply', delete: 'remove' }, wanted, { dependsOn });
}

const toHost = (name: string, addresses: readonly string[]): WantedRecord[] => addresses.map((content) => ({ type: isIP(content) === 6 ? 'AAAA' : 'A', name, content, proxied: false }));

const toTunnel = (name: string, id: string): WantedRecord => ({ type: 'CNAME', name, content: `${id}.cfargotunnel.com`, proxied: true });
