import { describe, expect, it } from 'vitest';
import { evaluate } from '../../cloudflare/checks/expression.ts';

describe('somebody’s expression', () => {
  const fields = { 'http.host': 'mcp.example.test', 'http.request.uri.path': '/mcp', 'http.user_agent': 'Claude-User', 'ip.src': '160.79.104.10' };
  it.each<[string, boolean | undefined]>([
    ['http.host eq "mcp.example.test"', true],
    ['(http.host == "mcp.example.test" && http.request.uri.path ne "/mcp")', false],
    ['lower(http.user_agent) contains "claude-user"', true],
    ['http.user_agent in {"a" "Claude-User"}', true],
    ['http.host wildcard "*.EXAMPLE.test"', true],
    ['http.host strict wildcard "*.EXAMPLE.test"', false],
    ['http.request.uri.path wildcard "/mcp.*"', false],
    ['http.request.uri.path matches "^/mcp$"', true],
    ['http.request.uri.path ~ r#"^/"x"#', false],
    ['http.request.uri.path matches "(?x"', undefined],
    ['ip.src in {160.79.104.0/21}', true],
    ['not ip.src in {10.0.0.0/8 2001:db8::/32}', true],
    ['ip.src eq 160.79.104.10', true],
    ['ip.src in $office', undefined],
    ['not ip.src in $office', undefined],
    ['ip.src.country eq "US"', undefined],
    ['ip.src.country in {"US"} and http.host eq "x"', false],
    ['ip.src.country in {"US"} or http.host eq "mcp.example.test"', true],
    ['cf.client.bot', undefined],
    ['not cf.client.bot and true', undefined],
    ['cf.bot_management.score lt 30 or http.request.uri.path eq "/mcp"', true],
    ['any(http.request.headers["x"][*] eq "y") and http.request.uri.path eq "/"', false],
    ['any(lower(http.request.headers.names[*])[*] eq "y")', undefined],
    ['len(http.request.uri.path) gt 3', undefined],
    ['ends_with(http.request.uri.path, "cp") xor true', false],
    ['true', true],
    ['', undefined],
    ['http.host eq "x" "y"', undefined],
    ['(http.host eq', undefined],
    ['§', undefined],
  ])('%s is %s', (expression, expected) => {
    expect(evaluate(expression, fields)).toBe(expected);
  });
});
