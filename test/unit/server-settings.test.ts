import { describe, expect, it } from 'vitest';
import { parseSettings, SettingsError } from '../../server/settings.ts';
import { serverSettings } from '../support/server-room.ts';

const messageFor = (settings: unknown): string => {
  try {
    parseSettings(typeof settings === 'string' ? settings : JSON.stringify(settings));
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as Error).message;
  }
  throw new Error('was accepted');
};

describe('server settings', () => {
  it('are taken as they come when they are right', () => {
    expect(parseSettings(JSON.stringify(serverSettings()))).toEqual(serverSettings());
  });

  it('name every problem at once, each with its place', () => {
    const wrong = { ...serverSettings(), auth: { kind: 'jwks', issuer: 'mcp.example.org', jwksUrl: 'x' }, port: 70000, color: 'red' };
    const message = messageFor({ ...wrong, servers: [{ ...wrong.servers[0], resource: 'https://mcp.example.org/mcp/', path: 'mcp' }] });
    expect(message).toMatch(/^ {2}auth\.issuer: /m);
    expect(message).toMatch(/^ {2}port: /m);
    expect(message).toMatch(/color/);
    expect(message).toMatch(/^ {2}servers\.0\.resource: must not end in a slash/m);
    expect(message).toMatch(/^ {2}servers\.0\.path: must start with a slash/m);
  });

  it.each([
    ['a missing document', '', /is not set/],
    ['a document that is not JSON', '{', /not valid JSON/],
    ['signed identity headers without a key', { backend: { url: 'http://a/mcp', identity: 'signed' } }, /identityKey: is missing/],
    ['a tool scope that is not advertised', { tools: { note_write: 'mcp:admin' } }, /does not list/],
    ['a metadata URL that is not served', { metadataPaths: ['/.well-known/oauth-protected-resource'] }, /would not be served/],
    ['a scope with a quote (RFC 6749 §3.3)', { scopes: ['mcp"read'] }, /is no scope token/],
    ['a server without scopes', { scopes: [] }, /at least one scope/],
  ])('refuse %s', (_what, change, expected) => {
    const base = serverSettings();
    expect(messageFor(typeof change === 'string' ? change : { ...base, servers: [{ ...base.servers[0], ...change }] })).toMatch(expected);
  });

  it('refuse two servers on one path', () => {
    const base = serverSettings();
    expect(messageFor({ ...base, servers: [base.servers[0], { ...base.servers[0], name: 'other' }] })).toMatch(/use the path \/mcp twice/);
  });
});
