import type { Client } from './clients/client.ts';
import type { Ask, Exchange, Exchanges } from './exchange.ts';
import type { Network } from './network.ts';

export interface Tool {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What steps work with. */
export interface Scene {
  readonly exchanges: Exchanges;
  readonly network: Network;
  /** A client id that the authorization server knows. */
  readonly clientId?: string;
  /** Whether clients may register themselves, which leaves a trace where they cannot be deleted again. */
  readonly register: boolean;
  /** Access token for the server. */
  readonly token?: string;
  /** Called to see how progress arrives. */
  readonly tool?: Tool;
  /** How long a stream is listened to, in seconds. */
  readonly listenSeconds: number;
}

/** Who asks where no client is imitated. */
export const PLAIN_AGENT = 'drawbridge-doctor/1';

export const getJson = ({ exchanges }: Scene, url: string, agent: string, extra: Readonly<Record<string, string>> = {}): Promise<Exchange> =>
  exchanges.make({ url, headers: { 'user-agent': agent, accept: 'application/json', ...extra } });

export const postJson = (url: string, agent: string, body: unknown, extra: Readonly<Record<string, string>> = {}): Ask => ({
  method: 'POST',
  url,
  headers: { 'user-agent': agent, accept: 'application/json, text/event-stream', 'content-type': 'application/json', ...extra },
  body: JSON.stringify(body),
});

/** What a browser adds to the requests of a page. */
export const ofPage = ({ origin }: Client): Record<string, string> => (origin ? { origin } : {});
