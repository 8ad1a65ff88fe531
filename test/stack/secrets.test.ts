import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { authorizationServerMetadata, CodeFlow, type Tokens } from '../support/code-flow.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { outputs, resource, stack } from '../support/outputs.ts';
import { RECORDER_CREDENTIAL, servers } from '../support/stack-servers.ts';
import { processArguments, StandingStack } from '../support/standing-stack.ts';

const standing = new StandingStack(testStack(stack, {}));
const { hostname, port, pathname } = new URL(resource.url);

/** What → its value. No log, no state, no argument and no image may hold one of these. */
const confidential: Record<string, string> = {};
const plant = (what: string): string => (confidential[what] ??= `${randomBytes(20).toString('hex')}`);
const keep = (what: string, tokens: Tokens): Tokens => {
  for (const [kind, value] of Object.entries(tokens)) if (/_token$/.test(kind)) confidential[`${what}: ${kind}`] = value as string;
  return tokens;
};

/** What of it a text holds. */
const heldBy = (text: string): string[] => Object.keys(confidential).filter((what) => text.includes(confidential[what]!));

let person: Person;
beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  Object.assign(confidential, standing.generatedSecrets());
  confidential['password of the test user'] = outputs.testUser.password;
  confidential['credential of a backend'] = RECORDER_CREDENTIAL;
  const metadata = await authorizationServerMetadata();
  const flow = await CodeFlow.register('openid mcp:read mcp:write offline_access');

  // What goes right.
  const first = keep('sign-in', await flow.signIn(person, 'openid mcp:read offline_access'));
  expect((await mcpRequest({ token: first.access_token })).status).toBe(200);
  expect((await mcpRequest({ token: first.access_token, tool: 'whoami' })).status).toBe(200);
  keep('refresh', (await (await flow.refresh(first.refresh_token!)).json()) as Tokens);
  const [code, verifier, state] = flow.confidential as [string, string, string];
  // The part of Keycloak's code that no one can guess; the rest names a session and a client.
  Object.assign(confidential, { code, 'random part of the code': code.split('.')[0], verifier, state });

  // What goes wrong on the way to a token.
  const misuse: Record<string, string>[] = [
    { grant_type: 'authorization_code', code, redirect_uri: flow.redirectUrl, code_verifier: verifier },
    { grant_type: 'authorization_code', code: plant('code that was never issued'), redirect_uri: flow.redirectUrl, code_verifier: plant('verifier that fits nothing') },
    { grant_type: 'refresh_token', refresh_token: first.refresh_token!.slice(0, -2), client_secret: plant('secret of a public client') },
    { grant_type: 'password', username: 'nobody', password: plant('password at the token endpoint') },
    { grant_type: 'client_credentials', client_id: 'drawbridge-applier', client_secret: plant('wrong secret of the applier') },
  ];
  for (const parameters of misuse) expect((await flow.token(parameters)).status).toBeGreaterThanOrEqual(400);
  const stranger = await Person.atBrowser({ username: 'nobody', password: plant('password of a stranger') });
  await expect(flow.signIn(stranger, 'openid')).rejects.toThrow('refused');
  await stranger.leave();
  const authorization = (what: string) => ({ authorization: `Bearer ${plant(what)}` });
  await fetch(metadata.registration_endpoint, { method: 'POST', headers: { 'content-type': 'application/json', ...authorization('initial access token') }, body: '{}' });
  const endpoint = (name: string) => metadata.token_endpoint.replace(/token$/, name);
  await fetch(endpoint('userinfo'), { headers: authorization('token for userinfo') });
  await fetch(`${endpoint('logout')}?id_token_hint=${first.id_token}&state=${plant('state of a logout')}`, { redirect: 'manual' });
  await fetch(`${endpoint('auth')}?client_id=${flow.clientId}&redirect_uri=https://elsewhere.example/&state=${plant('state of a refused request')}&code=${plant('code in a query')}`);

  // What goes wrong at the MCP server, and at the front before that.
  for (const url of [resource.url, `${resource.url}/`, resource.metadataUrl, new URL('/nothing', resource.url).href, new URL('/auth/admin/', resource.url).href])
    await mcpRequest({ url: `${url}?access_token=${first.access_token}&token=${plant('token in a query')}` });
  await mcpRequest({ token: plant('garbage for a token') });
  await mcpRequest({ headers: { authorization: `Basic ${plant('other kind of authorization')}`, referer: `https://a.example/?code=${plant('code in a referrer')}`, cookie: `KEYCLOAK_IDENTITY=${plant('cookie')}` } });
  await fetch(resource.url, { method: 'POST', headers: { authorization: `Bearer ${first.access_token}`, 'content-type': 'application/json' }, body: `{"password": "${plant('password in broken JSON')}"` });
  await speak(`${pathname}?access_token=${plant('token in a request that is too long')}${'x'.repeat(40_000)}`, 'Host: localhost');
  await speak(`${pathname}?access_token=${plant('token in a request with a bad header')}`, 'Host: localhost', 'Bad Header');
  await speak(`${pathname}?access_token=${plant('token in a request to another host')}`, 'Host: elsewhere.example');
  await speak(`${pathname}?access_token=${plant('token in a request without a host')}`);
  await speak(`${pathname}?access_token=${plant('token in a request with too large headers')}`, 'Host: localhost', `Authorization: Bearer ${plant('token that is too large')}${'x'.repeat(40_000)}`);
  await speakPlain(`${pathname}?access_token=${plant('token sent without TLS')}`);
  await speakHttp2(`${pathname}?access_token=${plant('token in a query over HTTP/2')}`);
});
afterAll(() => person.leave());

describe('no secret, token, password or authorization code is in', () => {
  const backends = servers.filter(({ name }) => name !== 'recorder').map(({ name }) => `backend-${name}`);
  const roles = ['front', 'server', 'keycloak', 'database', 'certificates', 'pebble', ...backends];
  const logOf = (role: string) => {
    const { stdout, stderr } = spawnSync('docker', ['logs', `drawbridge-${stack}-${role}`], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    return stdout + stderr;
  };

  // The server writes its lines together, up to a second after the request: until they are there, nothing could be found in them.
  it('the logs of containers, which tell of the traffic that could have brought one there', async () => {
    expect(Object.keys(standing.containers()).sort()).toEqual([...roles].sort());
    const traces = {
      front: ['"path":"/auth/realms/main/protocol/openid-connect/token"', '"path":"/nothing"', '"status":400', '"status":401', '"status":414', '"protocol":"HTTP/2.0"'],
      keycloak: ['CODE_TO_TOKEN_ERROR', 'REFRESH_TOKEN_ERROR', 'LOGIN_ERROR', 'USER_INFO_REQUEST_ERROR', 'CLIENT_LOGIN_ERROR'],
      server: ['"status":401', '"status":400', '"target":"whoami"'],
    };
    for (const [role, expected] of Object.entries(traces))
      await expect.poll(() => expected.filter((trace) => !logOf(role).includes(trace)), { message: role, timeout: 10_000, interval: 250 }).toEqual([]);
  });

  it.each(roles)('the log of the container %s', (role) => {
    expect(heldBy(logOf(role))).toEqual([]);
  });

  it('the database, with its events and sessions, but for what Keycloak has to compare with: its service accounts’ secrets and a sign-in’s state', () => {
    const dump = execFileSync('docker', ['exec', `drawbridge-${stack}-database`, 'sh', '-c', 'PGPASSWORD="$POSTGRES_PASSWORD" pg_dump --username keycloak keycloak'], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    expect(dump).toContain('COPY public.event_entity');
    const compared = ['secrets-applier', 'secrets-bootstrap', 'state'];
    expect(heldBy(dump).filter((what) => !compared.includes(what))).toEqual([]);
    expect(heldBy(dump)).toContain('secrets-applier');
  });

  it('the state file', () => {
    expect(heldBy(standing.stateText())).toEqual([]);
    expect(standing.stateText()).toContain('secrets-applier');
  });

  it('the arguments of any process of the machine, or anything that Docker tells of a container but its environment', () => {
    expect(heldBy(processArguments().join('\n'))).toEqual([]);
    const inspected = JSON.parse(execFileSync('docker', ['inspect', ...Object.values(standing.containers())], { encoding: 'utf8' })) as { Config: { Env?: string[] } }[];
    const environment = inspected.flatMap(({ Config }) => Config.Env ?? []).join('\n');
    for (const { Config } of inspected) delete Config.Env;
    expect(heldBy(JSON.stringify(inspected))).toEqual([]);
    expect(heldBy(environment)).not.toEqual([]);
  });

  it('a file, the history or the configuration of the stack’s own images', () => {
    const images = standing.parts().images;
    // Each by its name: a stack that stood here before, and was never taken down, may have left older ones.
    expect(new Set(images.map((image) => image.split(':')[0])).size).toBe(7);
    expect(heldBy(images.map((image) => execFileSync('docker', ['history', '--no-trunc', image], { encoding: 'utf8' })).join('\n'))).toEqual([]);
    expect(heldBy(execFileSync('docker', ['image', 'inspect', ...images], { encoding: 'utf8' }))).toEqual([]);
    // Two that must be found, or this would find nothing at all: one from a configuration, one from a file.
    const known = ['KC_HTTP_RELATIVE_PATH=/auth', readFileSync('keycloak/health.sh', 'utf8').split('\n')[1]!];
    expect(heldByImages(images, known)).toEqual(known);
  });
});

/** Which of the confidential values, and of some that are known, are in the files and configurations of images. */
function heldByImages(images: string[], known: string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-secrets-'));
  try {
    // A file, since the arguments of grep can be read by everyone.
    writeFileSync(join(directory, 'patterns'), [...Object.values(confidential), ...known].join('\n'), { mode: 0o600 });
    const search = `docker save ${images.join(' ')} | grep --text --null-data --only-matching --fixed-strings --file=${directory}/patterns | tr '\\0' '\\n' | sort -u`;
    const found = execFileSync('sh', ['-c', search], { encoding: 'utf8', maxBuffer: 2 ** 30 });
    return [...known.filter((text) => found.includes(text)), ...heldBy(found)];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Sends a request as it stands, which no HTTP client would, and waits for the answer to end. */
async function speak(target: string, ...headers: string[]): Promise<string> {
  const socket = connectTls({ host: hostname, port: Number(port), servername: hostname });
  await once(socket, 'secureConnect');
  return converse(socket, target, headers);
}

async function speakPlain(target: string): Promise<string> {
  return converse(connectTcp(Number(port), hostname), target, [`Host: ${hostname}`]);
}

async function converse(socket: Duplex, target: string, headers: string[]): Promise<string> {
  // The front may hang up before it has read everything.
  socket.on('error', () => {});
  socket.end(`${[`POST ${target} HTTP/1.1`, ...headers, 'Connection: close', 'Content-Length: 0'].join('\r\n')}\r\n\r\n`);
  return text(socket).catch(() => '');
}

async function speakHttp2(target: string): Promise<void> {
  const session = connectHttp2(new URL(resource.url).origin);
  const stream = session.request({ ':path': target });
  await once(stream, 'response');
  stream.resume();
  session.close();
  await once(session, 'close');
}
