import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../server/logger.ts';
import type { AuthSettings } from '../../server/tokens/auth-settings.ts';
import { disagreements, type Expected } from '../../server/tokens/disagreements.ts';
import { createTokens, DiscoveryError } from '../../server/tokens/index.ts';
import type { TokenIssuer } from '../support/token-issuer.ts';
import { TokensRoom } from '../support/tokens-room.ts';

const PATHS = ['/.well-known/oauth-authorization-server/x', '/.well-known/openid-configuration/x', '/x/.well-known/openid-configuration'];
const byMetadata = (issuer: TokenIssuer): AuthSettings => ({ kind: 'discovery', issuer: issuer.issuer, metadataUrls: PATHS.map((path) => issuer.url(path)) });
const metadataOf = (issuer: TokenIssuer, change: object = {}) => ({
  issuer: issuer.issuer,
  jwks_uri: issuer.jwksUrl,
  code_challenge_methods_supported: ['plain', 'S256'],
  scopes_supported: ['openid', 'mcp:read', 'mcp:write'],
  registration_endpoint: 'https://mcp.example.org/register',
  ...change,
});
const publish = (issuer: TokenIssuer, path = PATHS[0]!, change: object = {}) => {
  issuer.routes[path] = (_req, res) => void res.end(JSON.stringify(metadataOf(issuer, change)));
};

let room: TokensRoom | undefined;
afterEach(async () => {
  await room?.close();
  room = undefined;
});

describe('discovery', () => {
  it.each(PATHS)('finds the keys by the metadata at %s', async (path) => {
    room = await TokensRoom.open(byMetadata, (issuer) => publish(issuer, path));
    expect(await room.refusal(await room.issuer.token())).toBeUndefined();
    expect(room.tokens.problem()).toBeUndefined();
    expect(room.tokens.required).toBe(true);
    expect(room.log).toEqual([]);
  });

  it('takes the first document in the order in which clients look, however late it comes', async () => {
    room = await TokensRoom.open(byMetadata, (issuer) => {
      issuer.routes[PATHS[0]!] = (_req, res) => void setTimeout(() => res.end(JSON.stringify(metadataOf(issuer))), 100);
      publish(issuer, PATHS[2], { jwks_uri: 'http://127.0.0.1:1/certs' });
    });
    expect(await room.refusal(await room.issuer.token())).toBeUndefined();
  });

  it('passes over what is no metadata, such as the start page that some servers answer with to everything', async () => {
    room = await TokensRoom.open(byMetadata, (issuer) => {
      issuer.routes[PATHS[0]!] = (_req, res) => void res.end('<html>');
      publish(issuer, PATHS[1]);
    });
    expect(await room.refusal(await room.issuer.token())).toBeUndefined();
  });

  it('refuses to start with everything that is wrong, each with its remedy', async () => {
    const wrong = { issuer: 'https://mcp.example.org/auth/realms/main/', jwks_uri: undefined, code_challenge_methods_supported: undefined, scopes_supported: ['openid'], registration_endpoint: undefined };
    const failure = await TokensRoom.open(byMetadata, (issuer) => publish(issuer, PATHS[0], wrong)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DiscoveryError);
    const [head, ...lines] = (failure as Error).message.split('\n');
    expect(head).toMatch(/^The authorization server does not fit the configuration, says http.*oauth-authorization-server\/x:$/);
    expect(lines.map((line) => /^ {2}(\w+): .+; .+/.exec(line)?.[1])).toEqual(['issuer', 'jwks_uri', 'code_challenge_methods_supported', 'scopes_supported', 'registration_endpoint']);
  });

  it('refuses to start with introspection but no endpoint for it', async () => {
    const auth = (issuer: TokenIssuer): AuthSettings => ({ kind: 'introspection', issuer: issuer.issuer, metadataUrls: [issuer.url(PATHS[0]!)], clientId: 'a', clientSecret: 'b' });
    await expect(TokensRoom.open(auth, publish)).rejects.toThrow(/introspection_endpoint: it names none; /);
  });

  it('starts with the rest, and warns of each', async () => {
    room = await TokensRoom.open(byMetadata, (issuer) => publish(issuer, PATHS[0], { code_challenge_methods_supported: ['plain'], token_endpoint: 'http://as.example.org/token' }));
    expect(room.log).toEqual([
      expect.stringMatching(/^warn: the authorization server: code_challenge_methods_supported: does not list S256/),
      expect.stringMatching(/^warn: the authorization server: token_endpoint: is http:\/\/as\.example\.org\/token/),
    ]);
    expect(await room.refusal(await room.issuer.token())).toBeUndefined();
  });

  it('goes on asking when the authorization server is not there at start: 503 meanwhile, and no restart needed', async () => {
    room = await TokensRoom.open(byMetadata, (issuer) => {
      publish(issuer);
      issuer.down = true;
    });
    const problem = PATHS.map((path) => `${room!.issuer.url(path)} answered 503`).join('; ');
    expect(room.tokens.problem()).toBe(problem);
    expect(await room.refusal(await room.issuer.token())).toEqual({ kind: 'keys-unavailable', reason: problem });
    room.issuer.down = false;
    await vi.waitFor(() => expect(room!.tokens.problem()).toBeUndefined(), 5_000);
    await vi.waitFor(async () => expect(await room!.refusal(await room!.issuer.token())).toBeUndefined(), 5_000);
    expect(room.log).toContain('info: the authorization server: available again');
  });

  it('goes on asking when the metadata turns out wrong only later, and says so', async () => {
    room = await TokensRoom.open(byMetadata, (issuer) => void (issuer.down = true));
    publish(room.issuer, PATHS[0], { issuer: 'https://other.example.org' });
    room.issuer.down = false;
    await vi.waitFor(() => expect(room!.tokens.problem()).toContain('it calls itself "https://other.example.org"'), 5_000);
    publish(room.issuer);
    await vi.waitFor(() => expect(room!.tokens.problem()).toBeUndefined(), 5_000);
  });

  it('waits longer from time to time, up to a minute, and stops when closed', async () => {
    vi.useFakeTimers();
    const ask = vi.fn(() => Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) })));
    vi.stubGlobal('fetch', ask);
    try {
      const auth: AuthSettings = { kind: 'discovery', issuer: 'https://as.example.org', metadataUrls: ['https://as.example.org/metadata'] };
      const tokens = await createTokens(auth, [], createLogger({ write: () => {} }));
      expect(tokens.problem()).toBe('https://as.example.org/metadata is out of reach (ECONNREFUSED)');
      for (const [index, seconds] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
        await vi.advanceTimersByTimeAsync(seconds * 1_000 - 1);
        expect(ask).toHaveBeenCalledTimes(index + 1);
        await vi.advanceTimersByTimeAsync(1);
        expect(ask).toHaveBeenCalledTimes(index + 2);
      }
      tokens.close();
      await vi.advanceTimersByTimeAsync(600_000);
      expect(ask).toHaveBeenCalledTimes(9);
    } finally {
      vi.unstubAllGlobals();
      vi.useRealTimers();
    }
  });
});

describe('a disagreement', () => {
  const expected: Expected = { issuer: 'https://as.example.org', endpoint: 'jwks_uri', servers: [{ name: 'notes', scopes: ['mcp:read'] }, { name: 'files', scopes: ['files:read'] }] };
  const fits = {
    issuer: 'https://as.example.org',
    jwks_uri: 'https://as.example.org/certs',
    introspection_endpoint: 'https://as.example.org/introspect',
    code_challenge_methods_supported: ['S256'],
    client_id_metadata_document_supported: true,
  };
  const found = (change: object, kind: Expected['endpoint'] = 'jwks_uri') =>
    disagreements({ ...fits, ...change }, { ...expected, endpoint: kind }).map(({ fatal, text }) => `${fatal ? 'fatal' : 'warn'} ${text.split(': ')[0]}`);

  it('is none where everything fits', () => {
    expect(found({})).toEqual([]);
    expect(found({}, 'introspection_endpoint')).toEqual([]);
  });

  it.each<[string, object, string[]]>([
    ['an issuer with a trailing slash', { issuer: 'https://as.example.org/' }, ['fatal issuer']],
    ['no issuer', { issuer: undefined }, ['fatal issuer']],
    ['no jwks_uri', { jwks_uri: undefined }, ['fatal jwks_uri']],
    ['a jwks_uri that is no URL', { jwks_uri: '/certs' }, ['fatal jwks_uri']],
    ['a jwks_uri of another scheme', { jwks_uri: 'file:///etc/passwd' }, ['fatal jwks_uri']],
    ['a jwks_uri over http', { jwks_uri: 'http://as.example.org/certs' }, ['warn jwks_uri']],
    ['no PKCE', { code_challenge_methods_supported: undefined }, ['warn code_challenge_methods_supported']],
    ['PKCE without S256', { code_challenge_methods_supported: ['plain'] }, ['warn code_challenge_methods_supported']],
    ['scopes of one server missing', { scopes_supported: ['mcp:read'] }, ['warn scopes_supported']],
    ['scopes of both servers missing', { scopes_supported: [] }, ['warn scopes_supported', 'warn scopes_supported']],
    ['no way to register', { client_id_metadata_document_supported: undefined }, ['warn registration_endpoint']],
    ['endpoints over http', { authorization_endpoint: 'http://as.example.org/a', token_endpoint: 'http://[::2]/t' }, ['warn authorization_endpoint', 'warn token_endpoint']],
    ['endpoints over http on loopback', { authorization_endpoint: 'http://localhost:8080/a', token_endpoint: 'http://127.0.0.1/t', userinfo_endpoint: 'http://[::1]/u' }, []],
    ['a host that only looks like loopback', { token_endpoint: 'http://127.0.0.1.example.org/t' }, ['warn token_endpoint']],
  ])('is reported for %s', (_what, change, expectation) => {
    expect(found(change)).toEqual(expectation);
  });

  it('is reported for introspection where its endpoint or the method of authentication is missing', () => {
    expect(found({ introspection_endpoint: undefined, jwks_uri: undefined }, 'introspection_endpoint')).toEqual(['fatal introspection_endpoint']);
    expect(found({ introspection_endpoint_auth_methods_supported: ['private_key_jwt'] }, 'introspection_endpoint')).toEqual(['warn introspection_endpoint_auth_methods_supported']);
    expect(found({ introspection_endpoint_auth_methods_supported: ['private_key_jwt'] })).toEqual([]);
  });
});
