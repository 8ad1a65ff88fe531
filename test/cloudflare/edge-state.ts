import type { EventEmitter } from 'node:events';

/** What the simulated edge asks of the account: the simulation of Cloudflare's API has it all. */
export interface EdgeState {
  /** Names of the zones. */
  readonly zones: readonly string[];
  /** The DNS records of a zone. */
  records(zone: string): readonly EdgeRecord[];
  /** The rules that a phase of the zone applies, in their order. */
  rules(zone: string, phase: Phase): readonly EdgeRule[];
  /** The zone's bot settings (Cloudflare API, "Bot Management"). */
  bots(zone: string): BotSettings;
  /** The tunnel that a connector's token is of. */
  tunnelOf(token: string): string | undefined;
  /** A connector has registered its first connection, or lost its last. */
  connect(tunnelId: string, connectorId: string): Configuration;
  disconnect(tunnelId: string, connectorId: string): void;
  readonly events: EventEmitter<TunnelEvents>;
}

export interface TunnelEvents {
  configuration: [tunnelId: string, configuration: Configuration];
  /** Connections that someone cleaned up. Their connectors connect again. */
  cleanup: [tunnelId: string, connectorIds: string[]];
  deleted: [tunnelId: string];
}

/** Version 0 is that of a tunnel that has none yet. */
export interface Configuration {
  readonly version: number;
  readonly config?: unknown;
}

export interface EdgeRecord {
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly proxied: boolean;
}

export type Phase = 'http_request_firewall_custom' | 'http_request_cache_settings';

export interface EdgeRule {
  readonly expression: string;
  readonly action: string;
  readonly action_parameters?: object;
  readonly enabled: boolean;
}

export interface BotSettings {
  readonly ai_bots_protection?: string;
  readonly ai_user?: string;
}
