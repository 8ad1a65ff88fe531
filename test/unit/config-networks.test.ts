import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { networksOf } from '../../infra/config/networks.ts';
import { problemsOf } from '../support/config-problems.ts';

const publicStack = { profile: 'production', host: 'mcp.example.org' };
const listed = (dataPlaneAllowlist: unknown) => parseConfig({ ...publicStack, dataPlaneAllowlist }).dataPlaneAllowlist;

describe('dataPlaneAllowlist', () => {
  it('is the name of a vendor, or a list of vendors, networks and addresses of both families', () => {
    expect(listed('anthropic')).toEqual(['anthropic']);
    const all = ['anthropic', '203.0.113.0/24', '198.51.100.7', '2001:db8::/32', '2001:db8::7'];
    expect(listed(all)).toEqual(all);
    expect(networksOf(all)).toEqual(['160.79.104.0/21', ...all.slice(1)]);
  });

  it('lets everyone call by default', () => {
    expect(parseConfig(publicStack).dataPlaneAllowlist).toEqual([]);
    expect(listed('')).toEqual([]);
  });

  it.each(['openai', '203.0.113.0/33', '203.0.113', 'example.org', '2001:db8::/129'])('refuses %j, and says what it takes', (entry) => {
    expect(problemsOf({ ...publicStack, dataPlaneAllowlist: ['anthropic', entry] })).toEqual([expect.stringMatching(/^dataPlaneAllowlist\[1\] is neither anthropic nor an IP address or a network such as/)]);
  });

  it.each(['0.0.0.0/0', '::/0'])('refuses %s, which is no list', (entry) => {
    expect(problemsOf({ ...publicStack, dataPlaneAllowlist: [entry] })).toEqual([expect.stringMatching(/^dataPlaneAllowlist\[0\] is every address/)]);
  });

  const warned = (config: object) => warningsOf(parseConfig({ ...publicStack, ...config }));

  it('of Anthropic alone is warned of: other clients that are switched on can sign in, and then get 403', () => {
    expect(warned({ dataPlaneAllowlist: 'anthropic' })).toEqual([
      `drawbridge:dataPlaneAllowlist is anthropic, and these of drawbridge:clients call from other networks: Claude Code, Visual Studio Code, Cursor, MCP Inspector, mcp-remote from their user's own machine, and ChatGPT from elsewhere. They can sign in, and then get 403. List their networks as well ([anthropic, 203.0.113.0/24]), or take them out of clients.`,
    ]);
    const own = { id: 'our-program', name: 'Our program', redirectUris: ['http://localhost/done'] };
    expect(warned({ dataPlaneAllowlist: 'anthropic', clients: ['claude', 'cursor', own] })).toEqual([expect.stringContaining(": Cursor, Our program from their user's own machine. They")]);
  });

  it('is not warned of where networks are on it, or only Claude itself may connect', () => {
    for (const dataPlaneAllowlist of ['', ['anthropic', '203.0.113.0/24'], ['203.0.113.0/24']]) expect(warned({ dataPlaneAllowlist })).toEqual([]);
    expect(warned({ dataPlaneAllowlist: 'anthropic', clients: ['claude'] })).toEqual([]);
  });
});

describe('trustedProxies', () => {
  it.each(['0.0.0.0/0', '::/0'])('refuses %s: every caller could choose its own address', (entry) => {
    expect(problemsOf({ ...publicStack, trustedProxies: [entry] })).toEqual([expect.stringMatching(/^trustedProxies\[0\] is every address/)]);
  });

  it('refuses the name of a vendor, which is no proxy of ours', () => {
    expect(problemsOf({ ...publicStack, trustedProxies: ['anthropic'] })).toEqual([expect.stringMatching(/^trustedProxies\[0\] is not an IP address or a network/)]);
  });
});

it('profile local has no use for either, since only this machine calls', () => {
  expect(problemsOf({ dataPlaneAllowlist: 'anthropic', trustedProxies: ['10.0.0.1'] }).map((problem) => problem.split(' ')[0])).toEqual(['dataPlaneAllowlist', 'trustedProxies']);
});
