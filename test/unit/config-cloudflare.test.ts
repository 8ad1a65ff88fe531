import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';

const accountId = '0123456789abcdef0123456789abcdef';
const cloudflare = { accountId, zone: 'example.org', token: { secret: 'cloudflare' } };
const secrets = { cloudflare: 'planted-token' };
const tunnel = { profile: 'production', tier: 'tunnel', host: 'mcp.example.org', cloudflare, secrets };
const onHost = { ...tunnel, tier: 'host', publicAddresses: ['203.0.113.7'] };
const warnings = (raw: Record<string, unknown>) => warningsOf(parseConfig(raw));

describe('a tunnel', () => {
  it('needs an account, a zone in it and a token, and has two connectors where nothing else is said', () => {
    expect(problemsOf(tunnel)).toEqual([]);
    expect(parseConfig(tunnel).cloudflare).toEqual({ ...cloudflare, adoptDns: false, manageBotSettings: false, connectors: 2 });
    expect(problemsOf({ ...tunnel, cloudflare: {} })).toEqual([expect.stringMatching(/^cloudflare is missing: a tunnel needs it, for example \{ accountId: /)]);
    expect(problemsOf({ ...tunnel, cloudflare: undefined })).toEqual([expect.stringMatching(/^cloudflare is missing/)]);
  });

  it('of which something is wrong is told what, and not that all of it is missing', () => {
    expect(problemsOf({ ...tunnel, cloudflare: { zone: 'Example.org', connectors: 9, tunnel: 'x' } })).toEqual([
      expect.stringMatching(/^cloudflare\.accountId is missing: for example 0123/),
      expect.stringMatching(/^cloudflare\.zone is no zone/),
      expect.stringMatching(/^cloudflare\.token is missing: give it as \{secret: name\}/),
      'cloudflare.connectors must be at most 8',
      expect.stringMatching(/^cloudflare\.tunnel is not a known key.*known keys: accountId, zone, token, adoptDns, manageBotSettings, connectors/),
    ]);
  });

  it('names its token, and never holds it', () => {
    expect(problemsOf({ ...tunnel, secrets: {} })).toEqual([expect.stringMatching(/^cloudflare\.token names the secret cloudflare, which drawbridge:secrets does not have: .*pulumi config set --secret/)]);
    expect(problemsOf({ ...tunnel, cloudflare: { ...cloudflare, token: 'planted-token' } }).join()).toMatch(/^cloudflare\.token is no \{secret: name\}/);
    for (const value of ['planted\ntoken', 'Bearer planted-token']) expect(problemsOf({ ...tunnel, secrets: { cloudflare: value } })).toEqual([expect.stringMatching(/^cloudflare\.token is the secret cloudflare, which has a space, a line break or [^]*without “Bearer”$/)]);
  });

  it('is not for profile local, whose name is in no zone', () => {
    expect(problemsOf({ profile: 'local', tier: 'tunnel' })).toEqual([expect.stringMatching(/^tier is tunnel, and profile local is for this machine alone/)]);
    expect(problemsOf({ profile: 'local', cloudflare, secrets })).toEqual([expect.stringMatching(/^cloudflare has nothing to do in profile local/)]);
  });

  it('has its front on the machine of the app', () => {
    const deploy = { app: 'ssh://a@app', proxy: 'ssh://a@proxy', appAddress: '10.0.0.5', proxyAddress: '10.0.0.4' };
    for (const split of [deploy, { app: deploy.app }]) expect(problemsOf({ ...tunnel, deploy: split })).toEqual([expect.stringMatching(/^deploy\.proxy must be the machine of deploy\.app in tier tunnel, .*ssh:\/\/a@app$/)]);
  });
});

describe('the public names', () => {
  it.each(['mcp.example.com', 'notexample.org', 'org'])('are in the zone: not %s', (host) => {
    expect(problemsOf({ ...tunnel, host }).filter((problem) => problem.includes('is not in the zone'))).toEqual([expect.stringMatching(/^host is not in the zone example\.org \(cloudflare\.zone\): name one that is, for example mcp\.example\.org/)]);
    expect(problemsOf({ ...onHost, host }).join()).toMatch(/host is not in the zone/);
  });

  it('of a tunnel are at most one label below the zone, as far as its certificate covers them', () => {
    expect(problemsOf({ ...tunnel, host: 'example.org' })).toEqual([]);
    expect(problemsOf({ ...tunnel, host: 'mcp.eu.example.org' })).toEqual([expect.stringMatching(/^host gives mcp\.eu\.example\.org, which is two labels under the zone: Cloudflare’s universal certificate covers example\.org and \*\.example\.org only.*use a host such as mcp\.example\.org/)]);
  });

  it('of layout subdomains count with their own label', () => {
    expect(problemsOf({ ...tunnel, host: 'example.org', layout: 'subdomains' })).toEqual([]);
    expect(problemsOf({ ...tunnel, layout: 'subdomains' })).toEqual([expect.stringMatching(/^layout gives mcp\.mcp\.example\.org, which is two labels under the zone.*use layout: paths .*or host: example\.org/)]);
  });

  it('of a host have certificates of their own, however deep they are', () => {
    expect(problemsOf({ ...onHost, host: 'mcp.eu.example.org' })).toEqual([]);
  });
});

describe('what is warned of', () => {
  it('is that bot settings are those of the whole zone', () => {
    const managed = { ...cloudflare, manageBotSettings: true };
    expect(warnings({ ...tunnel, cloudflare: managed })).toEqual([expect.stringMatching(/^drawbridge:cloudflare\.manageBotSettings is true: .*switched off for the whole zone example\.org.*Without the stack they are as they were/)]);
    expect(warnings(tunnel)).toEqual([]);
    expect(warnings({ ...onHost, cloudflare: managed })).toEqual([]);
  });

  it('is what is of no use behind a tunnel, and may stay for the way back', () => {
    expect(warnings({ ...tunnel, acme: { email: 'a@example.org', staging: true }, trustedProxies: ['203.0.113.9'] })).toEqual([
      expect.stringMatching(/^drawbridge:acme\.email, drawbridge:acme\.staging, drawbridge:trustedProxies do nothing in tier tunnel.*way back to tier host/),
    ]);
  });

  it('is a zone on a host of which no address is known: it has no records', () => {
    expect(warnings({ ...onHost, publicAddresses: [] })).toEqual([expect.stringMatching(/^drawbridge:cloudflare is set without drawbridge:publicAddresses.*the stack has no DNS records then/)]);
    expect(warnings(onHost)).toEqual([]);
  });
});
