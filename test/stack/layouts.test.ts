import dns from 'node:dns';
import { X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import { down, up } from '../../engine/index.ts';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { Person } from '../support/browser.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { challengeOf, mcpRequest } from '../support/mcp-request.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';

const port = 18450;
// The two layouts in which the URL of the server is the same, so that a client can be connected through both.
const layouts = {
  paths: { profile: 'local', localPort: port, host: 'mcp.localhost', layout: 'paths' },
  subdomains: { profile: 'local', localPort: port, host: 'localhost', layout: 'subdomains' },
};
type Layout = keyof typeof layouts;
const url = `https://mcp.localhost:${port}/mcp`;
const options = testStack('layouts', {});
const endpointsOf = (layout: Layout) => deriveEndpoints(parseConfig(layouts[layout]));

interface Outputs {
  issuer: string;
  testUser: { username: string; password: string };
}

/** The names in the certificate that is shown to who asks for one of them. */
function namesServed(servername: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).subjectAltName?.split(', ').sort().join(' '));
      socket.destroy();
    }).on('error', reject);
  });
}

/** Asks without a token until it is stopped. @returns what was answered, a status or the code of an error, and the longest time without a right answer */
function watch(): { stop: () => Promise<string> } {
  const seen = new Set<string>();
  let running = true;
  let answered = Date.now();
  let longest = 0;
  const watching = (async () => {
    for (; running; await delay(100)) {
      const said = await mcpRequest({ url }).then(({ status }) => String(status), (error: { cause?: { code?: string } }) => error.cause?.code ?? 'error');
      seen.add(said);
      longest = Math.max(longest, Date.now() - answered);
      if (said === '401') answered = Date.now();
    }
  })();
  return { stop: () => ((running = false), watching.then(() => `${[...seen].join(', ')}; no server for ${(longest / 1000).toFixed(1)} s at most`)) };
}

/** Each test takes over what the one before has left. */
describe('the layout, one config key on a running stack', { timeout: 300_000 }, () => {
  /** What the client remembers of each layout. */
  const memories = { paths: new OAuthMemory('drawbridge layouts'), subdomains: new OAuthMemory('drawbridge layouts') };
  let person: Person;
  const transport = (layout: Layout) => new StreamableHTTPClientTransport(new URL(url), { authProvider: memories[layout] });

  async function switchTo(layout: Layout): Promise<Outputs> {
    const config = Object.fromEntries(Object.entries(layouts[layout]).map(([key, value]) => [`drawbridge:${key}`, value]));
    const { outputs } = await up({ ...options, config });
    setDefaultCACertificates([...getCACertificates('default'), (await readCaCertificate(options.stack))!]);
    return outputs as unknown as Outputs;
  }

  async function whoami(layout: Layout): Promise<string> {
    const client = new Client({ name: 'a', version: '1' });
    await client.connect(transport(layout));
    const answer = JSON.stringify(await client.callTool({ name: 'whoami', arguments: {} }));
    await client.close();
    return answer;
  }

  /** The client is sent to sign in, and its user does. */
  async function signIn(layout: Layout): Promise<void> {
    const first = transport(layout);
    const memory = memories[layout];
    await expect(new Client({ name: 'a', version: '1' }).connect(first)).rejects.toThrow();
    await first.finishAuth(await person.authorize(memory.authorizationUrl!, memory.redirectUrl));
  }

  beforeAll(async () => {
    // Browsers know that *.localhost is this machine; the resolver of the operating system need not.
    const lookup = dns.lookup as (...args: unknown[]) => void;
    vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: unknown[]) => lookup(host.endsWith('.localhost') ? '127.0.0.1' : host, ...rest)) as typeof dns.lookup);
    await down(options);
  }, 300_000);
  afterAll(async () => {
    await person?.leave();
    await down(options);
  }, 300_000);

  it('paths: a client signs in and calls', async () => {
    const { testUser, issuer } = await switchTo('paths');
    expect(issuer).toBe(`https://mcp.localhost:${port}/auth/realms/main`);
    person = await Person.atBrowser(testUser);
    await signIn('paths');
    expect(await whoami('paths')).toContain(testUser.username);
  });

  it('paths → subdomains: one certificate has both names, and `up` has waited for it', async () => {
    const watching = watch();
    await switchTo('subdomains');
    console.log('seen from outside, paths → subdomains:', await watching.stop());
    for (const host of ['mcp.localhost', 'auth.localhost']) expect(await namesServed(host)).toBe('DNS:auth.localhost DNS:mcp.localhost');
  });

  it('subdomains: every document is where clients look for it, and names the one issuer', async () => {
    const { issuer } = endpointsOf('subdomains').authorizationServer!;
    expect(issuer).toBe(`https://auth.localhost:${port}/auth/realms/main`);
    for (const document of endpointsOf('subdomains').documents) {
      const answer = await fetch(document, { redirect: 'error' });
      expect(answer.status, document).toBe(200);
      const { issuer: stated, authorization_servers: servers, keys } = (await answer.json()) as { issuer?: string; authorization_servers?: string[]; keys?: object[] };
      expect(stated ?? servers?.[0] ?? (keys && issuer), document).toBe(issuer);
    }
  });

  it('subdomains: sign-in is on its own host alone, and its cookies stay there', async () => {
    expect((await fetch(`https://auth.localhost:${port}/mcp`)).status).toBe(404);
    expect((await fetch(`https://mcp.localhost:${port}/auth/realms/main/protocol/openid-connect/certs`)).status).toBe(404);
    const authorize = new URL(`${endpointsOf('subdomains').authorizationServer!.issuer}/protocol/openid-connect/auth`);
    const { registered, redirectUrl } = memories.paths;
    authorize.search = new URLSearchParams({ client_id: registered!.client_id, response_type: 'code', redirect_uri: redirectUrl, code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }).toString();
    const page = await fetch(authorize, { redirect: 'manual' });
    const cookies = page.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; *secure/i);
      expect(cookie).not.toMatch(/; *domain=/i);
    }
    const links = [...(await page.text()).matchAll(/(?:href|src|action)="(https?:\/\/[^"/]+)/g)].map(([, origin]) => origin);
    expect(new Set(links)).toEqual(new Set([`https://auth.localhost:${port}`]));
  });

  it('subdomains: the client that was connected is told where to sign in anew, and goes on once it asks there', async () => {
    const refused = await mcpRequest({ url, token: memories.paths.granted!.access_token });
    expect(refused.status).toBe(401);
    expect(challengeOf(refused).resource_metadata).toBe(`https://mcp.localhost:${port}/.well-known/oauth-protected-resource/mcp`);
    // One that keeps what it once discovered has to forget the server first: the SDK's v2 client would ask at the former place.
    await signIn('subdomains');
    expect(memories.subdomains.authorizationUrl!.host).toBe(`auth.localhost:${port}`);
    expect(await whoami('subdomains')).toContain('demo');
  });

  it('subdomains → paths: what was signed in to before the first switch is good again, and the other is not', async () => {
    const watching = watch();
    await switchTo('paths');
    console.log('seen from outside, subdomains → paths:', await watching.stop());
    expect(await namesServed('mcp.localhost')).toBe('DNS:mcp.localhost');
    await expect(namesServed('auth.localhost')).rejects.toThrow();
    expect(await whoami('paths')).toContain('demo');
    expect((await mcpRequest({ url, token: memories.subdomains.granted!.access_token })).status).toBe(401);
  });
});
