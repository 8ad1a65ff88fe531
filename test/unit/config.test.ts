import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { z } from 'zod';
import { ConfigError, configSchema, parseConfig } from '../../infra/config.ts';

function problemsOf(raw: Record<string, unknown>): string[] {
  try {
    parseConfig(raw);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
  return [];
}

describe('a config', () => {
  it('of profile local needs nothing else', () => {
    expect(parseConfig({ profile: 'local' })).toMatchObject({
      tier: 'host',
      host: 'localhost',
      realm: 'main',
      localPort: 8443,
      servers: [{ name: 'mcp', path: '/mcp', backend: 'builtin', scopes: ['mcp:read', 'mcp:write'] }],
    });
  });

  it('with several mistakes reports all of them at once, each with its path', () => {
    const problems = problemsOf({ tier: 'boat', host: 'https://mcp.example.org/', hosts: 'x', localPort: 80, servers: [{ name: 'mcp' }], acme: { mail: 'x' } });
    expect(problems).toHaveLength(6);
    for (const path of ['tier', 'host', 'hosts', 'localPort', 'servers[0].path', 'acme.mail'])
      expect(problems.filter((problem) => problem.startsWith(`${path} `)), path).toHaveLength(1);
  });

  it('lists the known keys beside an unknown one', () => {
    expect(problemsOf({ profile: 'local', teir: 'host' })[0]).toMatch(/^teir is not a known key.*tier, host, /);
  });

  it('of a public profile without a host, or with one that has no dot, is refused', () => {
    expect(problemsOf({ profile: 'production' })).toEqual([expect.stringMatching(/^host is missing.*mcp\.example\.org/)]);
    expect(problemsOf({ profile: 'preview', host: 'intranet' })).toEqual([expect.stringMatching(/^host is not a public name/)]);
  });

  it('still checks what spans several keys when one key is wrong', () => {
    expect(problemsOf({ tier: 'boat', profile: 'production' }).map((problem) => problem.split(' ')[0])).toEqual(['tier', 'host']);
  });

  it('refuses a scope that two servers share: a token for one would open the other', () => {
    const server = (name: string) => ({ name, path: `/${name}`, scopes: ['files:read'] });
    expect(problemsOf({ profile: 'local', servers: [server('a'), server('b')] })).toEqual([expect.stringMatching(/^servers\[1\]\.scopes shares files:read with the server a.*\[b:read, b:write\]/)]);
  });

  it.each([['offline_access', {}], ['openid', {}], ['profile', {}], ['offline_access', { authorizationServer: { issuer: 'https://login.example.org' } }]] as const)('refuses the scope %s of a server, with %o: it is the authorization server’s', (scope, more) => {
    const problems = problemsOf({ profile: 'local', servers: [{ name: 'a', path: '/a', scopes: ['a:read', scope] }], ...more });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^servers\\[0\\]\\.scopes lists ${scope}, which belongs to the authorization server`))]);
  });

  it.each(['/auth', '/auth/x'])('refuses a server at %s, which belongs to the authorization server', (path) => {
    expect(problemsOf({ profile: 'local', servers: [{ name: 'mcp', path }] }).join('\n')).toMatch(/is taken/);
  });

  it('refuses the realm master, whose users administer Keycloak', () => {
    expect(problemsOf({ profile: 'local', realm: 'master' })).toEqual([expect.stringMatching(/^realm must not be master/)]);
  });

  it('refuses a tool whose scope its server does not have', () => {
    const servers = [{ name: 'mcp', path: '/mcp', scopes: ['mcp:read'], tools: { note_write: 'mcp:write' } }];
    expect(problemsOf({ profile: 'local', servers })).toEqual([expect.stringMatching(/^servers\[0\]\.tools\.note_write names the scope mcp:write/)]);
  });

  it.each(['mcp', '/mcp/', '/', '/mcp?x=1', '//mcp'])('refuses %j as the path of a server', (path) => {
    expect(problemsOf({ profile: 'local', servers: [{ name: 'mcp', path }] })[0]).toMatch(/^servers\[0\]\.path must start with a slash/);
  });
});

describe('Pulumi.yaml', () => {
  const declared = (parse(readFileSync('Pulumi.yaml', 'utf8')) as { config: Record<string, { type?: string; secret?: true; description: string; default?: unknown }> }).config;

  it('declares the same keys as the schema, in the same order', () => {
    expect(Object.keys(declared)).toEqual(Object.keys(configSchema.shape).map((key) => `drawbridge:${key}`));
  });

  it('leaves four keys without a type: three take text or something else, and the default of the other is no encrypted secret, which the Pulumi CLI would refuse', () => {
    expect(Object.keys(declared).filter((key) => declared[key]!.type === undefined)).toEqual(['drawbridge:authorizationServer', 'drawbridge:secrets', 'drawbridge:clients', 'drawbridge:dataPlaneAllowlist']);
    expect(declared['drawbridge:secrets']).toMatchObject({ secret: true });
  });

  it.each(Object.entries(configSchema.shape))('gives %s the type and the default that the schema gives it, and says what it is for', (key, schema) => {
    const declaration = declared[`drawbridge:${key}`]!;
    expect(declaration.type ?? pulumiType(schema)).toBe(pulumiType(schema));
    expect(declaration.description.length).toBeGreaterThan(20);
    expect(declaration, 'the Pulumi CLI takes a typed key without a default for a missing one').toHaveProperty('default');
    expect(schema.parse(declaration.default)).toEqual(schema.parse(undefined));
  });
});

function pulumiType(schema: z.core.$ZodType): string {
  const definition = (schema as z.ZodType).def as { type: string; innerType?: z.core.$ZodType; out?: z.core.$ZodType };
  const inner = definition.innerType ?? definition.out;
  if (inner) return pulumiType(inner);
  return { enum: 'string', number: 'integer', record: 'object' }[definition.type] ?? definition.type;
}
