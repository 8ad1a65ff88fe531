import type { OutgoingHttpHeaders } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';

const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect', 'http2-settings', 'host'];

/** Request headers as Cloudflare passes them on (Cloudflare's docs, "Cloudflare HTTP headers"). What a client sends by these names is lost, but X-Forwarded-For is appended to. */
export function towardsOrigin(headers: IncomingHttpHeaders, client: string, ray: string, scheme: 'http' | 'https'): OutgoingHttpHeaders {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !name.startsWith('cf-') && !HOP_BY_HOP.includes(name));
  const before = headers['x-forwarded-for'];
  return {
    ...Object.fromEntries(own),
    'cf-connecting-ip': client,
    'cf-ipcountry': 'XX',
    'cf-ray': ray,
    'cf-visitor': `{"scheme":"${scheme}"}`,
    'cdn-loop': 'cloudflare; loops=1',
    'x-forwarded-for': before === undefined ? client : `${String(before)},${client}`,
    'x-forwarded-proto': scheme,
  };
}

/** Response headers without those of the hop to the connector, and without the origin's name, which Cloudflare puts its own in place of. */
export function towardsClient(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':') && !name.startsWith('cf-') && name !== 'server' && !HOP_BY_HOP.includes(name)));
}
