import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { StreamableHTTPClientTransport, Client } from '@modelcontextprotocol/client';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCaCertificate } from '../../cli/ca-certificate.ts';
import { down, up } from '../../engine/index.ts';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { GitHubSimulation } from '../support/github-simulation.ts';
import { Journeys } from '../support/journey.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { OAuthMemory } from '../support/oauth-memory.ts';
import { OpenIdProvider } from '../support/openid-provider.ts';
import { StandingStack } from '../support/standing-stack.ts';

// An address of this machine that containers and the browser both reach.
const address = execFileSync('docker', ['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}'], { encoding: 'utf8' }).trim();
const secrets = { github: 'planted-github-client-secret', oidc: 'planted-oidc-client-secret' };
const github = new GitHubSimulation({ id: 'drawbridge-at-github', secret: secrets.github });
const provider = new OpenIdProvider();
const people: Record<string, object> = {
  alice: { preferred_username: 'Alice' },
  carol: { preferred_username: 'carol', email: 'carol@elsewhere.example', email_verified: true },
  dora: { preferred_username: 'dora', email: 'dora@verified.example', email_verified: true },
  eve: { preferred_username: 'eve', email: 'eve@verified.example', email_verified: false },
  mallory: { preferred_username: 'mallory', email: 'demo@example.org', email_verified: false },
  trusted: { preferred_username: 'trusted', email: 'demo@example.org', email_verified: true },
  demo: { preferred_username: 'demo' },
  nameless: {},
  // In small letters the first one is a k, and the whole a name of the allow-list.
  kelvin: { preferred_username: '\u212Aate' },
};

const url = 'https://localhost:18448/mcp';
let config: Record<string, unknown>;
let stack: StandingStack;
let testUser: { username: string; password: string };
let outputs: Record<string, unknown>;
let journeys: Journeys;
const options = (values: Record<string, unknown>) => testStack('federation', Object.fromEntries(Object.entries(values).map(([key, value]) => [`drawbridge:${key}`, value])));

beforeAll(async () => {
  const [githubPort, oidcPort] = [await github.listen(address), await freePort()];
  const origin = `http://${address}:${githubPort}`;
  config = {
    profile: 'local',
    localPort: 18448,
    allowlist: { users: ['GitHub.Octocat', 'oidc.alice', 'oidc.kate', 'demo'], domains: ['verified.example'] },
    identityProviders: {
      github: { clientId: 'drawbridge-at-github', clientSecret: { secret: 'github' }, baseUrl: origin, apiUrl: `${origin}/api/v3` },
      oidc: { name: 'Example Login', issuer: `http://${address}:${oidcPort}`, clientId: 'drawbridge-at-oidc', clientSecret: { secret: 'oidc' }, trustEmail: true },
    },
    secrets,
  };
  const { callbackUrl } = deriveEndpoints(parseConfig(config)).authorizationServer!.identityProviders.oidc!;
  await provider.listen(address, oidcPort, { id: 'drawbridge-at-oidc', secret: secrets.oidc, callbackUrl });
  for (const [login, claims] of Object.entries(people)) provider.people.set(login, { ...claims });
  await down(options(config));
  ({ outputs } = await up(options(config)));
  stack = new StandingStack(options(config));
  testUser = outputs.testUser as typeof testUser;
  setDefaultCACertificates([...getCACertificates('default'), (await readCaCertificate('federation'))!]);
  journeys = await Journeys.atBrowser();
}, 300_000);

afterAll(async () => {
  await journeys?.leave();
  github.close();
  provider.close();
  await down(options(config));
}, 300_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An MCP client starts from nothing but the URL; its user goes through `steps`. @returns its access token, or where the user ended. */
async function signIn(steps: (page: Page) => Promise<void>): Promise<{ token?: string; text: string }> {
  const memory = new OAuthMemory('drawbridge federation');
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: memory });
  await expect(new Client({ name: 'federation', version: '1' }).connect(transport)).rejects.toThrow();
  const { redirect, text } = await journeys.go(memory.authorizationUrl!, memory.redirectUrl, steps);
  if (!redirect) return { text };
  await transport.finishAuth(redirect);
  return { token: memory.granted!.access_token, text };
}

const choose = (page: Page, name: string) => page.getByRole('link', { name }).click();
const agree = (page: Page) => page.locator('#kc-login[name="accept"]').click();
const prove = async (page: Page, password: string) => {
  await page.locator('#password').fill(password);
  await page.locator('#kc-login').click();
};

/** @param account where it is another than the simulation remembers */
const byGitHub = (account: { id: number; login: string; email?: string }) => {
  github.account = { id: account.id, login: account.login, primaryEmail: account.email ?? `${account.login}@users.example`, verified: false };
  return (page: Page) => choose(page, 'GitHub');
};

const byProvider = (login: string) => async (page: Page) => {
  await choose(page, 'Example Login');
  await page.locator('input[name="login"]').fill(login);
  await page.locator('input[name="password"]').fill('any');
  await page.locator('button[type="submit"]').click();
  // What the provider itself asks: whether Drawbridge may know who it is.
  await page.getByRole('button', { name: 'Continue' }).click();
};

const thenAgree = (steps: (page: Page) => Promise<void>) => async (page: Page) => {
  await steps(page);
  await agree(page);
  await page.getByText('Signed in.').waitFor();
};

async function whoami(token: string | undefined): Promise<{ status: number; text: string }> {
  const response = await mcpRequest({ url, token: token!, tool: 'whoami' });
  return { status: response.status, text: await response.text() };
}

/** Ends on the page that asks for proof, having tried a password. */
const onProofPage = (steps: (page: Page) => Promise<void>, password = 'not-the-password') => async (page: Page) => {
  await steps(page);
  await page.locator('#password').waitFor();
  expect(await page.locator('body').innerText()).toMatch(/link your account with (GitHub|Example Login)/);
  await prove(page, password);
  await page.locator('[id^="input-error"]').first().waitFor();
};

describe('sign-in through an identity provider', { timeout: 120_000 }, () => {
  it('each provider’s callback URL is an output', () => {
    expect(outputs.identityProviders).toEqual({
      github: { callbackUrl: 'https://localhost:18448/auth/realms/main/broker/github/endpoint' },
      oidc: { callbackUrl: 'https://localhost:18448/auth/realms/main/broker/oidc/endpoint' },
    });
  });

  it('the simulation of GitHub: consent, token, tool call; a name on the allow-list lets in, in whatever case it was written', async () => {
    const { token } = await signIn(thenAgree(byGitHub({ id: 1, login: 'Octocat' })));
    const { status, text } = await whoami(token);
    expect(status).toBe(200);
    expect(text).toContain('github.octocat');
  });

  it('an OpenID Connect provider: the same', async () => {
    const { token } = await signIn(thenAgree(byProvider('alice')));
    const { status, text } = await whoami(token);
    expect(status).toBe(200);
    expect(text).toContain('oidc.alice');
  });

  it('who is on no list gets a token that opens nothing: 403', async () => {
    for (const steps of [byGitHub({ id: 2, login: 'hubot' }), byProvider('carol')]) expect((await whoami((await signIn(thenAgree(steps))).token)).status).toBe(403);
  });

  it('the domain of an address counts where the provider, which the config trusts, says that it is verified, and only then', async () => {
    expect((await whoami((await signIn(thenAgree(byProvider('dora')))).token)).status).toBe(200);
    expect((await whoami((await signIn(thenAgree(byProvider('eve')))).token)).status).toBe(403);
    const unverified = byGitHub({ id: 3, login: 'frank', email: 'frank@verified.example' });
    expect((await whoami((await signIn(thenAgree(unverified))).token)).status).toBe(403);
  });

  it('the name of an account of Keycloak’s own, which is on the list, is nobody’s at a provider', async () => {
    const { token } = await signIn(thenAgree(byProvider('demo')));
    expect(await whoami(token)).toMatchObject({ status: 403 });
  });

  it.each([
    ['no name at the provider', 'nameless'],
    ['a name that is not ASCII there, and would turn into somebody else’s', 'kelvin'],
  ])('who has %s does not get in, and ends on an error page', async (_, login) => {
    const { token } = await signIn(async (page) => {
      await byProvider(login)(page);
      await page.locator('#kc-error-message').waitFor();
    });
    expect(token).toBeUndefined();
  });
});

describe('somebody’s account', { timeout: 120_000 }, () => {
  it.each([
    ['an unverified address at the simulation of GitHub', () => byGitHub({ id: 4, login: 'mallory', email: 'demo@example.org' })],
    ['an unverified address at a provider', () => byProvider('mallory')],
    ['an address that a trusted provider calls verified', () => byProvider('trusted')],
  ])('is not had for %s: the page asks for its password and says what that will do', async (_, steps) => {
    const { token, text } = await signIn(onProofPage(steps()));
    expect(token).toBeUndefined();
    expect(text).toContain('Invalid');
  });

  it('is not had for a name at a provider that was given up and taken by another', async () => {
    const { token } = await signIn(onProofPage(byGitHub({ id: 99, login: 'octocat' })));
    expect(token).toBeUndefined();
  });

  it('is linked once its password was given, and from then on the provider signs in to it', async () => {
    const steps = byProvider('trusted');
    const proving = async (page: Page) => {
      await steps(page);
      await prove(page, testUser.password);
    };
    expect((await whoami((await signIn(thenAgree(proving))).token)).text).toContain('demo');
    const again = await whoami((await signIn(thenAgree(steps))).token);
    expect(again.status).toBe(200);
    expect(again.text).toContain('demo');
    expect(again.text).not.toContain('oidc.');
  });
});

describe('around it', () => {
  it('the front lets through what a sign-in needs, and neither providers’ tokens nor other ways to link', async () => {
    for (const path of ['github/token', 'oidc/token', 'github/link', 'oidc/endpoint/logout_response', 'google/login', 'google/endpoint'])
      expect((await stack.ask(`https://localhost:18448/auth/realms/main/broker/${path}`)).status, path).toBe(404);
  });

  it('no client secret is in a container’s description, a log, or the state', () => {
    const ids = Object.values(stack.containers());
    const logs = ids.map((id) => execFileSync('sh', ['-c', `docker logs ${id} 2>&1`], { encoding: 'utf8', maxBuffer: 2 ** 26 }));
    for (const text of [execFileSync('docker', ['inspect', ...ids], { encoding: 'utf8' }), stack.stateText(), ...logs]) expect(text).not.toMatch(/planted-(github|oidc)/);
  });
});
