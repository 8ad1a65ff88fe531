import type { Destination, RoutedEndpoints } from './routes.ts';

/** What the front needs to know of a stack's endpoints. */
export interface FrontEndpoints extends RoutedEndpoints {
  /** Every public host name, without ports. */
  readonly hosts: readonly string[];
  /** The port in public URLs. */
  readonly port: number;
  /** Where ACME's HTTP-01 challenges are asked for, ending in a slash (RFC 8555 §8.3). */
  readonly challengePath: string;
}

export interface FrontInput {
  readonly endpoints: FrontEndpoints;
  /**
   * `bridge`: nginx runs as uid 101 in a Docker network, where upstreams are container names whose addresses change.
   * `host`: nginx runs on the host's own network, and upstreams are fixed addresses.
   */
  readonly network: 'bridge' | 'host';
  /**
   * Port on the host's loopback where a tunnel's connector brings what clients ask, in place of ports 80 and 443 and of
   * certificates. Only with network `host`.
   */
  readonly connectorPort?: number;
  /** The origin of each destination as the front reaches it: `http://server:8080`. */
  readonly upstreams: Readonly<Record<Destination, string>>;
  /** Where the server is to be found instead once this configuration is an old one. */
  readonly nextServer?: string;
  /** Send Strict-Transport-Security. Never for `localhost`, where it would break other programs' plain HTTP. */
  readonly hsts: boolean;
  /** Networks from which MCP servers may be called. None: from everywhere. */
  readonly callers?: readonly string[];
  /** Networks of proxies before this front. */
  readonly trustedProxies?: readonly string[];
  /** Port on the host's loopback where Prometheus finds when the certificate expires. */
  readonly metricsPort?: number;
}

/** The two parts of a front's configuration. */
export interface FrontConfiguration {
  /** Until the first certificate is there: the ACME challenge, and 503 for all else. */
  readonly waiting: string;
  readonly serving: string;
}

/** Both in one text, as configure.sh takes it. */
export const configurationText = ({ waiting, serving }: FrontConfiguration): string => `${waiting}# serving\n${serving}`;

/** A public host as clients write it, with the port where it is not 443. */
export function authority({ endpoints }: FrontInput, host: string): string {
  return endpoints.port === 443 ? host : `${host}:${endpoints.port}`;
}
