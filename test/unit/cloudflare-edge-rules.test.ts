import { describe, expect, it } from 'vitest';
import { blocksBot } from '../cloudflare/edge-bots.ts';
import { eligibility, lifetime } from '../cloudflare/edge-cache.ts';
import { compile, type Fields } from '../cloudflare/edge-expression.ts';
import { normalized } from '../cloudflare/edge-normalization.ts';

const fields: Fields = { 'http.host': 'mcp.example.test', 'http.request.method': 'POST', 'http.request.uri.path': '/mcp', 'http.user_agent': 'Claude-User/1.0', 'ip.src': '160.79.105.9' };
const holds = (expression: string, differing: Partial<Fields> = {}) => compile(expression)({ ...fields, ...differing });

describe('the edge simulation’s expressions', () => {
  it.each([
    ['http.host eq "mcp.example.test"', true],
    ['http.host == "example.test"', false],
    ['http.host ne "example.test"', true],
    ['http.host in {"a.example.test" "mcp.example.test"}', true],
    ['http.request.uri.path in {"/mcp/"}', false],
    ['starts_with(http.request.uri.path, "/mc")', true],
    ['lower(http.user_agent) eq "claude-user/1.0"', true],
    ['starts_with(lower(http.user_agent), "Claude")', false],
    ['ends_with(http.request.uri.path, "/mc")', false],
    ['http.user_agent contains "Claude"', true],
    ['ip.src eq 160.79.105.9', true],
    ['ip.src in {10.0.0.0/8 160.79.104.0/21}', true],
    ['ip.src in {2001:db8::/32 160.79.105.8}', false],
    ['not ip.src in {160.79.104.0/21}', false],
    ['!(ip.src in {10.0.0.0/8})', true],
    ['http.host eq "x" or http.host eq "mcp.example.test" and http.request.method eq "GET"', false],
    ['(http.host eq "x" or http.host eq "mcp.example.test") && http.request.method == "POST"', true],
    ['not http.host eq "x" and true', true],
    ['http.user_agent contains "a\\"b"', false],
  ])('%s is %s', (expression, expected) => {
    expect(holds(expression)).toBe(expected);
  });

  it('know addresses of both families', () => {
    expect(holds('ip.src in {fd00::/8 160.79.104.0/21}', { 'ip.src': 'fd00::1' })).toBe(true);
    expect(holds('ip.src in {fd00::/8}', { 'ip.src': '2001:db8::1' })).toBe(false);
  });

  it.each(['http.host matches "x"', 'http.cookie eq "x"', 'http.host eq x', 'http.host eq "x" http.host', '(http.host eq "x"', 'ip.src in {nowhere}', 'ip.src in $list', 'http.host', ''])('are understood whole, or not at all: %j', (expression) => {
    expect(() => compile(expression)).toThrow(/The edge simulation does not understand/);
  });
});

describe('a path as rules see it', () => {
  it.each([
    ['/mcp', '/mcp'],
    ['/%6dcp', '/mcp'],
    ['/%6Dcp%2f', '/mcp%2F'],
    ['/a/./b/../mcp', '/a/mcp'],
    ['/a/%2e%2e/mcp', '/mcp'],
    ['/../mcp', '/mcp'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/a//b', '/a//b'],
    ['/a\\b', '/a%5Cb'],
  ])('%s is %s (RFC 3986 §6.2.2)', (path, expected) => {
    expect(normalized(path)).toBe(expected);
  });
});

describe('what is kept in the cache', () => {
  it.each([
    ['GET', '/auth/resources/x/login.css', {}, 'eligible'],
    ['GET', '/robots.txt', {}, 'eligible'],
    ['GET', '/.well-known/oauth-protected-resource', {}, 'DYNAMIC'],
    ['GET', '/mcp', {}, 'DYNAMIC'],
    ['POST', '/x.css', {}, 'DYNAMIC'],
    ['GET', '/mcp', { cache: true }, 'eligible'],
    ['GET', '/x.css', { cache: false }, 'BYPASS'],
  ])('%s %s with %j: %s', (method, path, settings, expected) => {
    expect(eligibility(method, path, settings)).toBe(expected);
  });

  it.each([
    ['nothing said', {}, {}, 200, 7200],
    ['a page that is not there', {}, {}, 404, 180],
    ['a failure', {}, {}, 503, 0],
    ['a cookie', {}, { 'set-cookie': ['a=b'] }, 200, 0],
    ['private', {}, { 'cache-control': 'private, max-age=60' }, 200, 0],
    ['no-store', {}, { 'cache-control': 'no-store' }, 200, 0],
    ['max-age', {}, { 'cache-control': 'max-age=60' }, 200, 60],
    ['s-maxage before max-age', {}, { 'cache-control': 'max-age=60, s-maxage=30' }, 200, 30],
    ['someone’s own answer', { authorization: 'Bearer x' }, { 'cache-control': 'max-age=60' }, 200, 0],
    ['someone’s answer that is for all', { authorization: 'Bearer x' }, { 'cache-control': 'public, max-age=60' }, 200, 60],
    ['a time that has passed', {}, { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, 200, 0],
  ])('%s', (_, request, response, status, seconds) => {
    expect(lifetime(request, status, response, {})).toBe(seconds);
  });

  it('is what a rule says, where it overrides the origin', () => {
    expect(lifetime({}, 200, { 'cache-control': 'no-store' }, { edge_ttl: { mode: 'override_origin', default: 5 } })).toBe(5);
  });
});

describe('bot settings', () => {
  it.each([
    [{ ai_bots_protection: 'block' }, 'Claude-User/1.0', '/mcp', true],
    [{ ai_bots_protection: 'block' }, 'Mozilla/5.0 (compatible; GPTBot/1.2)', '/mcp', true],
    [{ ai_bots_protection: 'block' }, 'python-httpx/0.28.1', '/mcp', false],
    [{ ai_bots_protection: 'block' }, 'Claude-User/1.0', '/.well-known/oauth-protected-resource', false],
    [{ ai_bots_protection: 'only_on_ad_pages' }, 'Claude-User/1.0', '/mcp', false],
    [{ ai_bots_protection: 'disabled', ai_user: 'block' }, 'Claude-User/1.0', '/mcp', true],
    [{ ai_bots_protection: 'disabled', ai_user: 'block' }, 'GPTBot/1.2', '/mcp', false],
    [{}, 'Claude-User/1.0', '/mcp', false],
  ])('%j, %s at %s: kept out is %s', (settings, agent, path, expected) => {
    expect(blocksBot(settings, agent, path)).toBe(expected);
  });
});
