import type { FrontInput } from './front.ts';

/**
 * The client's address as the hop before this front tells it. Cloudflare's edge writes CF-Connecting-IP over whatever a client
 * sent by that name ("Cloudflare HTTP headers"), and its connector is on loopback: only who runs programs on this machine could lie.
 */
export function clientAddress({ connectorPort, trustedProxies }: FrontInput): string[] {
  return connectorPort === undefined ? behindProxies(trustedProxies) : ['set_real_ip_from 127.0.0.1;', 'real_ip_header CF-Connecting-IP;'];
}

/**
 * The address behind proxies of ours: the last in X-Forwarded-For that is no trusted hop. What stands before it, or comes from
 * elsewhere, was written by a client that would like another address.
 * @param trusted networks of the proxies
 */
function behindProxies(trusted: readonly string[] = []): string[] {
  if (trusted.length === 0) return [];
  return [...trusted.map((network) => `set_real_ip_from ${network};`), 'real_ip_header X-Forwarded-For;', 'real_ip_recursive on;'];
}

/**
 * Who may call MCP servers. Sign-in and metadata are for everyone: the authorize endpoint is asked by the user's own browser.
 * @param callers their networks; none: everyone
 */
export function allowed(callers: readonly string[] = []): string[] {
  return callers.length === 0 ? [] : [...callers.map((network) => `allow ${network};`), 'deny all;'];
}
