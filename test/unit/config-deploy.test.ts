import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const preview = (deploy: Record<string, unknown>) => ({ profile: 'preview', host: 'try.example.org', deploy });
const split = { app: 'ssh://deploy@10.0.0.5:2222', proxy: 'ssh://root@edge.example.org', appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' };

describe('where a stack runs', () => {
  it('is this machine, one other, or two, and no machine is assumed', () => {
    expect(parseConfig(preview({})).deploy).toEqual({ app: 'local', proxy: 'local' });
    expect(problemsOf(preview({ app: 'ssh://root@h', proxy: 'ssh://root@h' }))).toEqual([]);
    expect(problemsOf(preview(split))).toEqual([]);
    expect(problemsOf(preview({ ...split, app: 'ssh://root@[fd00::5]', appAddress: 'fd00::5', proxyAddress: 'fd00::4' }))).toEqual([]);
  });

  it.each(['ssh://host', 'ssh://a@b/x', 'ssh://a@b:x', 'host', 'tcp://a@b', 'ssh://-oProxyCommand=x@b', 'ssh://a@-oProxyCommand=x', 'ssh://a@b;reboot', 'ssh://a:b@c'])('cannot be %s', (app) => {
    expect(problemsOf(preview({ app, proxy: app }))).toEqual(['app', 'proxy'].map((key) => `deploy.${key} is neither local nor ssh://user@host[:port]`));
  });

  it.each(['ssh://a@b:0', 'ssh://a@b:99999', 'ssh://a@[:::::]', 'ssh://a@[fd00:::5]:22'])('cannot be %s, which no ssh reaches', (app) => {
    expect(problemsOf(preview({ app, proxy: app }))).toEqual(['app', 'proxy'].map((key) => expect.stringMatching(`^deploy.${key} (is neither local nor|has a port or an IPv6 address that there is not)`) as string));
  });

  it('on two machines needs the addresses by which they know each other', () => {
    expect(problemsOf(preview({ app: split.app, proxy: split.proxy }))).toEqual([
      expect.stringMatching(/^deploy\.appAddress is missing.*the app’s machine on the network that it shares/),
      expect.stringMatching(/^deploy\.proxyAddress is missing.*from which the proxy’s machine connects/),
    ]);
  });

  it('on one machine has no use for them', () => {
    expect(problemsOf(preview({ ...split, proxy: split.app }))).toEqual([expect.stringMatching(/^deploy\.appAddress is for a proxy on a machine of its own.*remove it/), expect.stringMatching(/^deploy\.proxyAddress/)]);
  });

  it.each([
    ['127.0.0.1', /cannot be reached from another machine/],
    ['0.0.0.0', /cannot be reached from another machine/],
    ['203.0.113.5', /is a public address.*not encrypted.*VPN/],
    ['2a00::5', /is a public address/],
    ['app.internal', /is no IP address/],
  ])('has no app that listens on %s', (appAddress, message) => {
    const problems = problemsOf(preview({ ...split, appAddress })).filter((problem) => problem.startsWith('deploy.appAddress '));
    expect(problems).toEqual([expect.stringMatching(message)]);
  });

  it('has both addresses of one family: the proxy connects to one from the other', () => {
    expect(problemsOf(preview({ ...split, proxyAddress: 'fd00::4' }))).toEqual([expect.stringMatching(/^deploy\.proxyAddress is of the other address family/)]);
  });

  it('has an address for each of two machines', () => {
    expect(problemsOf(preview({ ...split, proxyAddress: split.appAddress }))).toEqual([expect.stringMatching(/^deploy\.proxyAddress is deploy\.appAddress too: give the address from which/)]);
  });

  it('in profile local is this machine', () => {
    expect(problemsOf({ deploy: { app: 'ssh://a@b', proxy: 'ssh://a@b' } })).toEqual([expect.stringMatching(/^deploy\.app is another machine.*preview or production/), expect.stringMatching(/^deploy\.proxy /)]);
  });

  it('is warned about where two machines speak plain HTTP, and only there', () => {
    expect(warningsOf(parseConfig(preview(split)))).toEqual([expect.stringMatching(/plain HTTP, tokens and passwords included/)]);
    expect(warningsOf(parseConfig(preview({ app: 'ssh://a@b', proxy: 'ssh://a@b' })))).toEqual([]);
  });

  it('is warned about where no firewall keeps the network of two machines away from what is behind the front', () => {
    const unguarded = { ...preview(split), firewall: 'none', dataPlaneAllowlist: '198.51.100.7' };
    expect(warningsOf(parseConfig(unguarded))).toContainEqual(expect.stringMatching(/^drawbridge:firewall is none: whoever reaches 10\.0\.0\.5 reaches what is behind the front, past it and its dataPlaneAllowlist: .*nobody but 10\.0\.0\.4/));
    expect(warningsOf(parseConfig({ ...preview({}), firewall: 'none' }))).toEqual([]);
  });
});
