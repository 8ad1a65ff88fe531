import * as command from '@pulumi/command';
import * as pulumi from '@pulumi/pulumi';
import type { Wanted } from '../cloudflare/account/wanted.ts';
import { CloudflareError } from '../cloudflare/api.ts';
import { findStray } from '../cloudflare/stray.ts';
import type { Config } from './config.ts';
import type { Endpoints } from './endpoints.ts';
import type { SecretOf } from './stack-config.ts';

/** What a program of the room is told beside the stack and its zone. */
export type OfTheZone<W extends { readonly stack: string; readonly zone: string }> = Omit<W, 'stack' | 'zone'>;

/**
 * The account at Cloudflare of a stack, and the zone of its names there. What it is to have and may not is found out before anything is made;
 * and when all else of the stack is gone, so has all that was made there.
 */
export class CloudflareAccount {
  readonly zone: string;
  readonly accountId: string;
  readonly token: pulumi.Output<string>;
  readonly prepared: command.local.Command;
  /** Id of a tunnel of the stack's name that was never configured, or `''`. */
  readonly stray: pulumi.Output<string>;

  constructor({ accountId, zone, token, adoptDns, manageBotSettings }: NonNullable<Config['cloudflare']>, { tier, dataPlaneAllowlist }: Config, { hosts }: Endpoints, secretOf: SecretOf) {
    this.zone = zone;
    this.accountId = accountId;
    this.token = secretOf(token);
    const wanted: OfTheZone<Wanted> = { accountId, hosts, tier, adoptDns, manageBotSettings, rules: tier === 'tunnel' && dataPlaneAllowlist.length > 0 };
    // Of a tunnel whose creation was cut off the state knows nothing, and its name would be taken for ever.
    this.stray = tier === 'tunnel' ? (pulumi.unsecret(this.token.apply((plain) => strayOf(plain, accountId))) as pulumi.Output<string>) : pulumi.output('');
    this.prepared = this.running('cloudflare', 'account', { create: 'prepare', delete: 'leave' }, wanted, {}, { CLOUDFLARE_STRAY: this.stray });
  }

  /** Runs a program of the room `cloudflare/`, with what is wanted in this zone for this stack. */
  running(name: string, program: string, acts: { create?: string; delete?: string }, wanted: pulumi.Input<object>, opts: pulumi.CustomResourceOptions, more: Record<string, pulumi.Input<string>> = {}): command.local.Command {
    const script = (act: string | undefined) => act && `node cloudflare/${program}.ts ${act}`;
    const environment = {
      CLOUDFLARE_WANTED: pulumi.jsonStringify(pulumi.output(wanted).apply((own) => ({ stack: pulumi.getStack(), zone: this.zone, ...own }))),
      CLOUDFLARE_API_TOKEN: this.token,
      ...more,
    };
    return new command.local.Command(name, { create: script(acts.create), delete: script(acts.delete), environment }, opts);
  }
}

/** @throws RunError of which nothing but its words is shown */
async function strayOf(token: string, accountId: string): Promise<string> {
  try {
    return await findStray({ token, accountId, stack: pulumi.getStack() });
  } catch (error) {
    throw error instanceof CloudflareError ? new pulumi.RunError(error.message) : error;
  }
}
