import { describe, expect, it } from 'vitest';
import { parseConfig, warningsOf } from '../../infra/config.ts';
import { problemsOf } from '../support/config-problems.ts';
import { type Registered, runProgram } from '../support/mocked-program.ts';

const publicStack = { profile: 'production', host: 'mcp.example.org' };

describe('acme', () => {
  it('staging is warned of: no client trusts its certificates', () => {
    expect(warningsOf(parseConfig({ ...publicStack, acme: { staging: true } }))).toEqual([expect.stringMatching(/^drawbridge:acme\.staging is true: .*which no client trusts/)]);
    expect(warningsOf(parseConfig(publicStack))).toEqual([]);
  });

  it('staging is Let’s Encrypt’s, and refused with another CA', () => {
    expect(problemsOf({ ...publicStack, acme: { staging: true, directory: 'https://ca.example.net/dir' } })).toEqual([expect.stringMatching(/^acme\.staging is for Let’s Encrypt/)]);
  });

  it('dns01 names a secret, never the token itself', () => {
    const named = { ...publicStack, acme: { dns01: { cloudflareToken: { secret: 'cloudflare' } } } };
    expect(problemsOf(named)).toEqual([expect.stringMatching(/^acme\.dns01\.cloudflareToken names the secret cloudflare, which drawbridge:secrets does not have: .*pulumi config set --secret/)]);
    expect(problemsOf({ ...named, secrets: { cloudflare: 'planted-token' } })).toEqual([]);
    expect(problemsOf({ ...publicStack, acme: { dns01: { cloudflareToken: 'planted-token' } } }).join()).toMatch(/is no \{secret: name\}/);
  });

  it.each(['short lived', 'a;b', ''])('refuses the profile %j', (profile) => {
    expect(problemsOf({ ...publicStack, acme: { profile } })).toEqual([expect.stringMatching(/^acme\.profile must be letters/)]);
  });
});

describe('the certificates container', () => {
  const certificates = async (config: Record<string, unknown>) =>
    (await runProgram('s', { ...publicStack, ...config })).resources.find(({ type, name }) => name === 'certificates' && type.endsWith(':Container')) as Registered & { inputs: { envs: string[] } };

  it('gets the CA, the profile and the names of both hosts of a layout', async () => {
    const { inputs, secretInputs } = await certificates({ host: 'example.org', layout: 'subdomains', acme: { staging: true, profile: 'shortlived', email: 'a@example.org' } });
    expect(inputs.envs).toEqual(['NAMES=mcp.example.org auth.example.org', 'ACME_DIRECTORY=https://acme-staging-v02.api.letsencrypt.org/directory', 'ACME_EMAIL=a@example.org', 'ACME_PROFILE=shortlived']);
    expect(secretInputs).toEqual([]);
  });

  it('gets the Cloudflare token as a secret', async () => {
    const { inputs, secretInputs } = await certificates({ acme: { dns01: { cloudflareToken: { secret: 'cloudflare' } } }, secrets: { cloudflare: 'planted-token' } });
    expect(inputs.envs).toContain('CLOUDFLARE_TOKEN=planted-token');
    expect(secretInputs).toEqual(['envs']);
  });
});
