import { sdk } from '../cloudflare/sdk.ts';
import type { CloudflareSimulation } from '../cloudflare/simulation.ts';

/** What a program asks for. */
export interface Wanted {
  name?: string;
  service?: string;
  retainOnDelete?: boolean;
  baseUrl?: string;
}

/** A simulation of Cloudflare's API, and programs of its account. */
export class Account {
  readonly cloudflare: CloudflareSimulation;
  readonly id: string;
  apiToken: string;

  constructor(cloudflare: CloudflareSimulation) {
    this.cloudflare = cloudflare;
    this.id = cloudflare.accountId;
    this.apiToken = cloudflare.tokenWith(['Cloudflare Tunnel Write']);
  }

  /** A tunnel, what it does, and a connector's token in a secret place. */
  program({ name = 'edge', service = 'http://127.0.0.1:8080', retainOnDelete = false, baseUrl = this.cloudflare.url }: Wanted = {}): string {
    return `
      const accountId = '${this.id}';
      const provider = new cloudflare.Provider('cloudflare', { apiToken: '${this.apiToken}', baseUrl: '${baseUrl}' });
      const tunnel = new cloudflare.ZeroTrustTunnelCloudflared('tunnel', { accountId, name: '${name}', configSrc: 'cloudflare' }, { provider, retainOnDelete: ${retainOnDelete} });
      const ingresses = [{ hostname: 'mcp.example.test', path: '^/mcp$', service: '${service}' }, { service: 'http_status:404' }];
      const config = new cloudflare.ZeroTrustTunnelCloudflaredConfig('config', { accountId, tunnelId: tunnel.id, config: { ingresses, originRequest: { keepAliveTimeout: 5 } } }, { provider });
      const { token } = cloudflare.getZeroTrustTunnelCloudflaredTokenOutput({ accountId, tunnelId: tunnel.id }, { provider, dependsOn: [config] });
      new Command('connector', { create: 'echo connected with $TOKEN', environment: { TOKEN: token } });
      export const id = tunnel.id;
      export const connector = token;`;
  }

  /** Cloudflare's own SDK for tunnels. */
  get api() {
    return sdk(this.cloudflare).zeroTrust.tunnels.cloudflared;
  }

  async standing() {
    return (await this.api.list({ account_id: this.id, is_deleted: false })).result;
  }

  async configured(tunnel: unknown) {
    return (await this.api.configurations.get(String(tunnel), { account_id: this.id })).config;
  }

  /** The calls that are made meanwhile, without the account and ids of tunnels. */
  async callsOf(work: () => Promise<unknown>): Promise<string[]> {
    const before = this.cloudflare.calls.length;
    await work();
    return this.cloudflare.calls.slice(before).map(({ method, path }) => `${method} ${path.replace(/^\/accounts\/\w+\/cfd_tunnel/, '').replace(/^\/[\w-]{36}/, '/T')}`);
  }
}
