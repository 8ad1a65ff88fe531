import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { edgeError } from '../../doctor/causes/edge.ts';
import { difference } from '../../doctor/causes/judging.ts';
import { redact } from '../../doctor/evidence.ts';
import { Exchanges } from '../../doctor/exchange.ts';
import { type Diagnosis, examine, networkOf, type Options, reportLines } from '../../doctor/index.ts';
import { everyone, found, troubles } from '../support/doctor-findings.ts';
import { DoctorRoom, json } from '../support/doctor-room.ts';

let room: DoctorRoom;
beforeEach(async () => {
  room = await DoctorRoom.open();
});
afterEach(() => room.close());

const look = (options: Options = {}): Promise<Diagnosis> => examine(room.url, { listenSeconds: 0, ...options });

describe('what a server says at great length', () => {
  // Each of these took minutes where it was looked through again from every place in it.
  const MANY = 120_000;

  it('is looked through for tokens once', () => {
    const text = '-eyJ'.repeat(MANY);
    expect(redact(text, [])).toBe(text);
    expect(redact('It was (eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln).', [])).toBe('It was ([redacted]).');
  });

  it('is looked through for Cloudflare’s errors once', () => {
    const page = (body: string) => ({ ask: { url: 'https://mcp.example.test/mcp', headers: {} }, answer: { status: 400, headers: { server: 'cloudflare' }, body, arrivals: [] }, milliseconds: 1 });
    expect(edgeError(page('<h1'.repeat(MANY)))).toBeUndefined();
    expect(edgeError(page('<h1 class="x">Error 1033</h1>'))).toBe(1033);
  });

  it('is compared with what it ought to be once', () => {
    expect(difference('https://mcp.example.test', `https://mcp.example.test${'/'.repeat(4 * MANY)}x`)).toMatch(/^The shorter one lacks the path/);
    expect(difference('https://mcp.example.test//', 'https://mcp.example.test')).toBe('They differ in a slash at the end.');
  });
});

describe('a protocol version that is none', () => {
  const answerWith = (protocolVersion: unknown) =>
    room.answer('/mcp', (request, response, body) => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const { id, method } = JSON.parse(body) as { id?: number; method: string };
      if (method === 'server/discover') return json(response, 400, { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } });
      json(response, id === undefined ? 202 : 200, { jsonrpc: '2.0', id, result: method === 'initialize' ? { protocolVersion, capabilities: {} } : { tools: [] } });
    });

  it.each(['2025-11-25\r\nx-evil: 1', '2025-11-25\u2028', '', 20251125, undefined])('%j is a failure of its own, and goes back in no header', async (named) => {
    answerWith(named);
    const diagnosis = await look();
    expect(found(diagnosis, 'protocol-version')).toMatchObject({ step: 'call', weight: 'failure', clients: everyone, what: expect.stringContaining(`the protocol version ${JSON.stringify(named) ?? 'nothing'}, which is none`) as string, remedies: [expect.stringContaining('2025-11-25')] });
    expect(troubles(diagnosis)).toHaveLength(2);
    expect(diagnosis.clients.every(({ protocol }) => protocol === undefined)).toBe(true);
  });

  it('that is a date is the version of the conversation', async () => {
    answerWith('2025-06-18');
    const diagnosis = await look();
    expect(diagnosis.ok).toBe(true);
    expect(diagnosis.clients.map(({ protocol }) => protocol)).toEqual(everyone.map(() => '2025-06-18'));
  });
});

describe('a request', () => {
  it('with a header that cannot be sent fails by itself, and holds no connection back', async () => {
    const exchanges = new Exchanges(networkOf());
    try {
      const ask = (value: string) => exchanges.fresh({ url: `${room.origin}/x`, headers: { 'mcp-session-id': value }, patience: 1_000 });
      const odd = await Promise.all(Array.from({ length: 20 }, () => ask('one\r\nx-evil: 1')));
      expect(new Set(odd.map(({ failure }) => failure?.code))).toEqual(new Set(['ERR_INVALID_CHAR']));
      expect((await ask('one')).answer?.status).toBe(404);
    } finally {
      await exchanges.close();
    }
  });

  it('beyond the 160th is not made, and what was found until then is reported', async () => {
    const exchanges = new Exchanges(networkOf());
    try {
      const made = await Promise.all(Array.from({ length: 170 }, (_, index) => exchanges.fresh({ url: `${room.origin}/${index}`, headers: {} })));
      expect(made.filter(({ answer }) => answer)).toHaveLength(160);
      expect(made.at(-1)!.failure!.code).toBe('not asked, after 160 requests');
      expect([exchanges.count, room.requests.length]).toEqual([160, 160]);
    } finally {
      await exchanges.close();
    }
  });

  it('that is waited for keeps the process from ending without a report', async () => {
    // A connection that never comes about holds nothing else open.
    const script = `import { Exchanges } from './doctor/exchange.ts';
      const { failure } = await new Exchanges({ connect() {} }).fresh({ url: 'http://mcp.example.test/', headers: {}, patience: 200 });
      console.log(failure.kind);`;
    const [code, out] = await new Promise<[unknown, string]>((resolve) => execFile(process.execPath, ['--input-type=module', '--eval', script], (error, stdout) => resolve([error?.code ?? 0, stdout])));
    expect([code, out]).toEqual([0, 'timeout\n']);
  });
});

describe('secrets that a server gives back in another form', () => {
  const forms = (secret: string) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('base64url'), Buffer.from(`x:${secret}`).toString('base64'), JSON.stringify(`Bearer ${secret}`)];
  const all = (diagnosis: Diagnosis) => JSON.stringify(diagnosis) + reportLines(diagnosis, { verbose: true }).join('\n');
  /** No part of it that would be of use; a few bits at its ends are. */
  const isShown = (shown: string, secret: string) => forms(secret).some((form) => shown.includes(form.slice(4, -4)));

  it('are shown in none, of a registration and of a token', async () => {
    const [management, secret, token] = ['a/registration+token=of the server', 'client-secret/~with+all=signs', 'opaque/token+of-the~user=='];
    room.breaks.push((request, response, body) => {
      const echo = (status: number, of: string) => json(response, status, { error_description: forms(of).join(' or '), client_name: forms(secret).join(' or ') });
      if (request.method === 'DELETE') return echo(403, management);
      if (request.url === '/auth/register') return json(response, 201, { ...(JSON.parse(body) as object), client_id: 'one', client_secret: secret, registration_access_token: management, registration_client_uri: `${room.origin}/auth/register/one` });
      if (request.headers.authorization) return echo(500, token);
      return false;
    });
    const diagnosis = await look({ register: true, token });
    const shown = all(diagnosis);
    expect(diagnosis.findings.map(({ id }) => id)).toEqual(expect.arrayContaining(['registration-left', 'call-fails']));
    expect(shown).toContain('[redacted]');
    for (const each of [management, secret, token]) expect(isShown(shown, each)).toBe(false);
  });

  it('are shown in none, of a sign-in', async () => {
    let verifier = '';
    room.answer('/auth/token', (_, response, body) => {
      verifier = new URLSearchParams(body).get('code_verifier')!;
      json(response, 400, { error: 'x', error_description: [...forms(verifier), ...forms('planted-code')].join(' or ') });
    });
    const diagnosis = await look({ register: true, signIn: (url) => void fetch(url, { headers: { 'x-person': 'alice' } }) });
    expect(found(diagnosis, 'sign-in-fails').what).toContain('[redacted]');
    for (const each of [verifier, 'planted-code']) expect(isShown(all(diagnosis), each)).toBe(false);
  });

  it('are shown in none, of a session', async () => {
    const session = 'session/of+one~user';
    room.answer('/mcp', (request, response, body) => {
      if (request.method === 'GET') return void response.writeHead(405).end();
      const { id, method } = JSON.parse(body || '{}') as { id?: number; method?: string };
      if (method !== 'initialize') return json(response, 500, { jsonrpc: '2.0', id: id ?? null, error: { code: -32000, message: forms(session).join(' or ') } });
      json(response, 200, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: {} } }, { 'mcp-session-id': session });
    });
    const diagnosis = await look({ clients: ['cursor'] });
    expect(found(diagnosis, 'call-fails').what).toContain('[redacted]');
    expect(isShown(all(diagnosis), session)).toBe(false);
  });
});
