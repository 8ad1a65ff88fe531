import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { JWTPayload } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../../cli/main.ts';
import { clientNames, clients } from '../../doctor/clients/index.ts';
import type { Diagnosis } from '../../doctor/index.ts';
import { knownClients } from '../../keycloak/known-clients.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';
import { Certificates } from '../support/pretend-network.ts';

let room: DoctorRoom;
beforeAll(async () => {
  room = await DoctorRoom.open();
});
afterAll(() => room.close());
afterEach(() => {
  room.breaks.length = 0;
  room.resourceDocument = {};
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** What `npm run doctor` prints, and its exit code. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const printed = { log: [] as string[], error: [] as string[] };
  for (const stream of ['log', 'error'] as const) vi.spyOn(console, stream).mockImplementation((line: string) => void printed[stream].push(line));
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  const code = await main(['doctor', ...args]);
  return { code, out: printed.log.join('\n'), err: printed.error.join('\n') };
}

/** What is on stdin. */
const give = (text: string) => vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([text]) as never);

describe('npm run doctor', () => {
  it('has a short report for a healthy server, a line for each client, and exit code 0', async () => {
    const { code, out } = await run(room.url, '--listen', '0');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 8)).toEqual([room.url, '', '✓ Claude (web, desktop, mobile)', '✓ Claude Code', '✓ ChatGPT', '✓ VS Code', '✓ Cursor', '✓ MCP Inspector']);
    expect(out.split('\n').length).toBeLessThan(20);
  });

  it('says which client would fail, where, why and what to do, and has exit code 1', async () => {
    room.breaks.push((request, response) => (request.headers['user-agent'] === 'Claude-User' ? void response.writeHead(403).end() : false));
    const { code, out } = await run(room.url, '--listen', '0', '--client', 'claude', '--client', 'cursor');
    expect(code).toBe(1);
    expect(out).toContain('✗ Claude (web, desktop, mobile) fails at: call\n✓ Cursor\n');
    expect(out).toContain('✗ call · Claude\n  The user agent `Claude-User` is refused');
    expect(out).toContain('\n  → Let the user agent through');
    expect(out).not.toContain('> POST');
  });

  it.each([
    ['127.0.0.1:1/mcp', 'https://127.0.0.1:1/mcp'],
    ['localhost:1', 'https://localhost:1/'],
    [' HTTP://127.0.0.1:1/mcp', 'http://127.0.0.1:1/mcp'],
  ])('takes the URL as people type it: %j is %s', async (typed, url) => {
    const { code, out } = await run(typed, '--client', 'cursor');
    expect([code, out.split('\n')[0]]).toEqual([1, url]);
  });

  it.each(['', 'nowhere', 'javascript:alert(1)', 'user:word@mcp.example.org', 'http://'])('takes no %j', async (typed) => {
    expect((await run(typed)).code).toBe(2);
  });

  it('shows requests and answers with --verbose, and where it was seen', async () => {
    room.breaks.push((request, response) => (request.headers['user-agent'] === 'Claude-User' ? void response.writeHead(403).end('Go away\u001b[2J') : false));
    const { out } = await run(room.url, '--client', 'claude', '--listen', '0', '--verbose');
    expect(out).toContain('See: claude-ai-mcp#49');
    expect(out).toMatch(/ {4}> POST http.*\n {4}> user-agent: Claude-User\n/);
    expect(out).toMatch(/ {4}< 403 after \d+ ms\n/);
    // What servers say may not move a terminal's cursor.
    expect(out).toContain('Go away');
    expect(out).not.toContain('\u001b');
  });

  it('prints the whole diagnosis with --json, and nothing else', async () => {
    const { out } = await run(room.url, '--listen', '0', '--json', '--register');
    const diagnosis = JSON.parse(out) as Diagnosis;
    expect(diagnosis).toMatchObject({ url: room.url, ok: true });
    expect(diagnosis.clients.map(({ client }) => client)).toEqual(clientNames);
    expect(diagnosis.requests).toBeLessThan(90);
  });

  it('lets no server write lines of its report, nor turn what follows around', async () => {
    const forged = 'no\n\n✓ Claude (web, desktop, mobile)\r\n✓ everyone\u2028\u202e\u009b31m\u{e0041}';
    room.answer('/auth/register', (_, response) => json(response, 400, { error: 'x', error_description: forged }));
    room.resourceDocument = { resource: forged };
    for (const verbose of [[], ['--verbose']]) {
      const { code, out } = await run(room.url, '--listen', '0', '--register', '--client', 'claude', ...verbose);
      expect(code).toBe(1);
      expect(out).toContain('no ✓ Claude (web, desktop, mobile) ✓ everyone');
      expect(out.split('\n').filter((line) => line.startsWith('✓'))).toEqual([]);
      expect(out).not.toMatch(/\p{Cf}|[^\P{Cc}\n]/u);
    }
    const { out } = await run(room.url, '--listen', '0', '--register', '--client', 'claude', '--json');
    expect(out).not.toMatch(/\p{Cf}|[^\P{Cc}\n]/u);
    expect((JSON.parse(out) as Diagnosis).findings.some(({ what }) => what.includes(forged))).toBe(true);
  });

  it('takes a token from DRAWBRIDGE_TOKEN, and shows it nowhere', async () => {
    const token = room.token({ aud: `${room.origin}/other` });
    vi.stubEnv('DRAWBRIDGE_TOKEN', token);
    const { code, out } = await run(room.url, '--json', '--listen', '0');
    expect(code).toBe(1);
    expect(out).toContain('token-refused');
    expect(out).not.toContain(token.split('.')[1]);
  });

  it.each<[string, (room: DoctorRoom) => string, JWTPayload, RegExp]>([
    ['whose aud is another server', ({ url }) => url, { aud: ['https://other.example/mcp', 'https://mcp.example.org.evil.example'] }, /its aud is https:\/\/other\.example\/mcp, https:\/\/mcp/],
    ['without an aud', ({ url }) => url, { aud: undefined }, /there is no aud/],
    ['over plain http', () => 'http://mcp.example.test/mcp', { aud: 'http://mcp.example.test/mcp' }, /over plain http/],
  ])('sends a token of DRAWBRIDGE_TOKEN %s to nobody, who could use it; with --token-stdin it is meant so', async (_, urlOf, claims, why) => {
    const before = room.requests.length;
    const token = room.token(claims);
    vi.stubEnv('DRAWBRIDGE_TOKEN', token);
    const { code, out, err } = await run(urlOf(room), '--listen', '0', '--client', 'cursor');
    expect([code, room.requests.length]).toEqual([2, before]);
    expect(err).toMatch(why);
    expect(err).toContain('give it with --token-stdin');
    expect(out + err).not.toContain(token);
  });

  it('takes any token from --token-stdin, and an opaque one from DRAWBRIDGE_TOKEN', async () => {
    const authorizations: (string | undefined)[] = [];
    room.answer('/mcp', (request, response) => (request.headers.authorization ? (authorizations.push(request.headers.authorization), json(response, 401, {}, { 'www-authenticate': 'Bearer' })) : false));
    const elsewhere = room.token({ aud: 'https://other.example/mcp' });
    vi.stubEnv('DRAWBRIDGE_TOKEN', 'opaque');
    expect((await run(room.url, '--listen', '0', '--client', 'cursor')).code).toBe(1);
    give(elsewhere);
    expect((await run(room.url, '--listen', '0', '--client', 'cursor', '--token-stdin')).code).toBe(1);
    expect(authorizations).toEqual(['Bearer opaque', `Bearer ${elsewhere}`]);
  });

  it.each([
    ['one\ntwo', 'no line break in it'],
    ['one\r\n two', 'no carriage return and no line break and no space in it'],
    ['"quoted"', 'no " in it'],
    ['one\u0000\u{1f511}=two', 'no U+0000 and no U+1F511 and no = in it'],
  ])('does not blame a server for the token %j, which nobody could send (RFC 6750 §2.1)', async (token, why) => {
    const before = room.requests.length;
    give(token);
    const { code, err } = await run(room.url, '--token-stdin');
    expect([code, room.requests.length]).toEqual([2, before]);
    expect(err).toContain(`--token-stdin: an access token has ${why} (RFC 6750 §2.1)`);
  });

  it('takes a token with the whole of its “Bearer” before it', async () => {
    const sent = new Set<string | undefined>();
    room.answer('/mcp', (request) => (sent.add(request.headers.authorization), false));
    const token = room.token();
    for (const text of [`Bearer  ${token}\n`, `bearer\t${token}`, `\n${token}\r\n`]) {
      give(text);
      expect((await run(room.url, '--listen', '0', '--client', 'cursor', '--token-stdin')).code).toBe(0);
    }
    expect([...sent]).toEqual([undefined, `Bearer ${token}`]);
    give('Bearer \n');
    expect((await run(room.url, '--token-stdin')).err).toContain('there was no token on stdin');
  });

  it('trusts a CA that --ca names', async () => {
    const certificates = new Certificates();
    const files = mkdtempSync(join(tmpdir(), 'drawbridge-doctor-'));
    const secure = await DoctorRoom.open({ tls: certificates.issue('localhost') });
    secure.origin = `https://localhost:${secure.port}`;
    writeFileSync(join(files, 'ca.pem'), certificates.ca);
    try {
      expect((await run(secure.url, '--listen', '0')).code).toBe(1);
      expect((await run(secure.url, '--listen', '0', '--ca', join(files, 'ca.pem'))).code).toBe(0);
    } finally {
      await secure.close();
      certificates.remove();
      rmSync(files, { recursive: true });
    }
  });

  it('with a CA file that holds no certificate, or with empty options, is used wrongly', async () => {
    const files = mkdtempSync(join(tmpdir(), 'drawbridge-doctor-'));
    const file = (name: string, text: string) => (writeFileSync(join(files, name), text), join(files, name));
    try {
      for (const ca of [file('empty.pem', ''), file('key.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), file('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')]) {
        const { code, err } = await run(room.url, '--listen', '', '--client-id', '', '--tool', 'count\r\nx-evil: 1', '--ca', ca);
        expect(code).toBe(2);
        for (const problem of [`--ca ${ca} holds no certificate`, '--listen : give seconds', '--tool: give the name as the server lists it', '--client-id is empty']) expect(err).toContain(problem);
      }
    } finally {
      rmSync(files, { recursive: true });
    }
  });

  it('that is used wrongly says everything that is wrong at once, asks nobody anything, and has exit code 2', async () => {
    const before = room.requests.length;
    const { code, err } = await run('ftp://mcp.example.org', '--client', 'netscape', '--sign-in', '--tool', 'x', '--arguments', '[1', '--listen', 'long', '--ca', '/nowhere.pem');
    expect(code).toBe(2);
    for (const problem of [/ftp:\/\/mcp\.example\.org is no URL of an MCP server; give one such as https/, /--client netscape: there is claude, claude-code/, /--sign-in needs a client: add --register/, /--arguments must be a JSON object/, /--listen long/, /--ca \/nowhere\.pem cannot be read/]) expect(err).toMatch(problem);
    expect((await run()).code).toBe(2);
    expect(room.requests.length).toBe(before);
  });
});

describe('the clients of the doctor', () => {
  it.each(clients.map(({ name, redirectUris, document }) => [name, redirectUris, document?.url] as const))('%s has the redirect URIs and the document that stacks let in', (name, redirectUris, document) => {
    const known = knownClients[name];
    // RFC 8252 §7.3: of loopback, the port is free.
    const portless = (uri: string) => uri.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1)):\d+/, '$1');
    const allowed = (uri: string) => known.redirectUris.some((one) => one === uri || portless(one) === portless(uri)) || (known.redirectUriStems ?? []).some((stem) => uri.startsWith(stem));
    expect(redirectUris.filter((uri) => !allowed(uri))).toEqual([]);
    expect(document).toBe(known.metadataDocument);
  });
});
