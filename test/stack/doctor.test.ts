import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Diagnosis, examine, type Options } from '../../doctor/index.ts';
import { Administrator, type Office } from '../support/administrator.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { FormBrowser } from '../support/form-browser.ts';
import { outputs, resource, stack } from '../support/outputs.ts';
import { pretend } from '../support/pretend-network.ts';
import { FrontFixture } from './proxy-front.ts';

const look = (options: Options = {}): Promise<Diagnosis> => examine(resource.url, { listenSeconds: 0, ...options });

/** The test user, who signs in where the doctor sends them. */
async function signIn(authorizationUrl: string): Promise<void> {
  const redirectUri = new URL(authorizationUrl).searchParams.get('redirect_uri')!;
  const answer = await new FormBrowser(outputs.testUser).authorize(authorizationUrl, redirectUri);
  await fetch(`${redirectUri}?${answer.toString()}`);
}
const signingIn: Options = { register: true, signIn: (url) => void signIn(url) };

describe('a stack that stands', () => {
  it('is healthy for every client: registration, sign-in with the test user, calls and streams', async () => {
    const diagnosis = await look({ ...signingIn, listenSeconds: 20, tool: { name: 'whoami', arguments: {} } });
    expect(troubles(diagnosis)).toEqual([]);
    expect(diagnosis.notTried).toEqual([]);
    expect(diagnosis.ok).toBe(true);
  });

  it('keeps the clients that the doctor registered, since nobody may manage them from outside, and that is noted', async () => {
    const { findings } = await look({ register: true });
    expect(findings.map(({ id, weight }) => `${weight} ${id}`)).toEqual(['note not-public', 'note registration-left']);
    expect(findings[1]).toMatchObject({ clients: everyone, what: expect.stringContaining('answered with 404') as string });
  });
});

describe('a stack that somebody changed in Keycloak', () => {
  let administrator: Administrator;
  beforeAll(() => {
    administrator = new Administrator(stack);
  });
  afterAll(() => administrator.leave());

  it('so that it takes registrations from hosts of a list only, is refused at registration, with Keycloak’s remedy (keycloak#43654)', async () => {
    const id = administrator.run(addTrustedHosts, {});
    try {
      const diagnosis = await look({ register: true });
      const refused = diagnosis.findings.filter((finding) => finding.id === 'registration-refused');
      expect(refused.flatMap(({ clients }) => clients).sort()).toEqual([...everyone].sort());
      for (const { step, weight, remedies } of refused) expect([step, weight, remedies[0]]).toEqual(['registration', 'failure', expect.stringContaining('Host Sending Client Registration Request Must Match')]);
      expect(diagnosis.ok).toBe(false);
    } finally {
      administrator.run(removeComponent, id);
    }
    expect(troubles(await look({ register: true }))).toEqual([]);
  });

  it('so that the audience of tokens has a slash at its end, has that compared byte for byte', async () => {
    administrator.run(setAudience, { scope: 'mcp:read', audience: `${resource.url}/` });
    try {
      const diagnosis = await look(signingIn);
      expect(found(diagnosis, 'token-refused')).toMatchObject({ step: 'call', weight: 'failure', clients: everyone, what: expect.stringContaining(`the token’s \`aud\` is \`${resource.url}/\`, the resource \`${resource.url}\`. They differ in a slash at the end.`) as string });
    } finally {
      administrator.run(setAudience, { scope: 'mcp:read', audience: resource.url });
    }
    expect(troubles(await look(signingIn))).toEqual([]);
  });
});

describe('a front that buffers', () => {
  const fixture = new FrontFixture();
  beforeAll(async () => {
    await fixture.start();
    await fixture.startNode(counting, { alias: 'counting' });
  });
  afterAll(() => fixture.containers.remove());

  it('holds progress back until a call has ended; the front of a stack does not (mcp-go#162)', async () => {
    const upstreams = { server: 'http://counting:8080', authorizationServer: 'http://keycloak:8080' };
    await fixture.configure({ upstreams });
    const ca = await fixture.issue();
    await expect.poll(() => fixture.healthy(), { timeout: 30_000, interval: 500 }).toBe(true);
    const network = pretend({ ports: { 'localhost:8443': fixture.port(443) }, addresses: { localhost: [{ address: '127.0.0.1', family: 4 }] }, ca });
    const counted = () => examine('https://localhost:8443/mcp', { network, listenSeconds: 0, tool: { name: 'count', arguments: {} } });
    expect(troubles(await counted())).toEqual([`warning open at challenge: ${everyone.join(' ')}`]);
    await fixture.configure({ upstreams }, fixture.front, (text) => text.replaceAll('proxy_buffering off;', 'proxy_buffering on;'));
    await expect.poll(async () => (await counted()).findings.map(({ id }) => id), { timeout: 30_000, interval: 1_000 }).toContain('stream-buffered');
    expect(found(await counted(), 'stream-buffered')).toMatchObject({ step: 'stream', weight: 'failure', clients: everyone, what: expect.stringMatching(/^6 progress messages of a call that took [12]\.\d seconds arrived at once/) as string });
  });
});

// An MCP server without the header that would switch a front's buffering off.
const counting = `
require('node:http').createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const { id, method } = body ? JSON.parse(body) : {};
  const say = (message) => response.write('data: ' + JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n\\n');
  if (request.method !== 'POST') return response.writeHead(405).end();
  if (method === 'server/discover') return response.writeHead(400).end();
  if (id === undefined) return response.writeHead(202).end();
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (method === 'tools/call') for (let progress = 1; progress <= 6; progress++) {
    await new Promise((done) => setTimeout(done, 250));
    say({ method: 'notifications/progress', params: { progressToken: 'doctor', progress } });
  }
  say({ id, result: method === 'initialize' ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'counting', version: '1' } } : method === 'tools/list' ? { tools: [] } : { content: [] } });
  response.end();
}).listen(8080);`;

/** Keycloak's own policy, as every realm has it that nobody changed. */
async function addTrustedHosts({ origin, admin }: Office): Promise<string> {
  const realm = (await (await fetch(`${origin}/admin/realms/main`, { headers: admin })).json()) as { id: string };
  const component = {
    name: 'Trusted Hosts',
    providerId: 'trusted-hosts',
    providerType: 'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy',
    parentId: realm.id,
    subType: 'anonymous',
    config: { 'host-sending-registration-request-must-match': ['true'], 'client-uris-must-match': ['true'], 'trusted-hosts': ['trusted.example.org'] },
  };
  const created = await fetch(`${origin}/admin/realms/main/components`, { method: 'POST', headers: admin, body: JSON.stringify(component) });
  if (created.status !== 201) throw new Error(`component: ${created.status} ${await created.text()}`);
  return created.headers.get('location')!.split('/').at(-1)!;
}

async function removeComponent({ origin, admin }: Office, id: string): Promise<void> {
  await fetch(`${origin}/admin/realms/main/components/${id}`, { method: 'DELETE', headers: admin });
}

async function setAudience({ origin, admin }: Office, { scope, audience }: { scope: string; audience: string }): Promise<void> {
  const scopes = (await (await fetch(`${origin}/admin/realms/main/client-scopes`, { headers: admin })).json()) as { id: string; name: string; protocolMappers?: { id: string; protocolMapper: string; config: Record<string, string> }[] }[];
  const { id, protocolMappers = [] } = scopes.find(({ name }) => name === scope)!;
  const mapper = protocolMappers.find(({ protocolMapper }) => protocolMapper === 'oidc-audience-mapper')!;
  const body = JSON.stringify({ ...mapper, config: { ...mapper.config, 'included.custom.audience': audience } });
  const changed = await fetch(`${origin}/admin/realms/main/client-scopes/${id}/protocol-mappers/models/${mapper.id}`, { method: 'PUT', headers: admin, body });
  if (changed.status !== 204) throw new Error(`mapper: ${changed.status} ${await changed.text()}`);
}
