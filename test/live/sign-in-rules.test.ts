import { beforeEach, describe, it, type TestContext } from 'vitest';
import { clientsOf } from '../../infra/config/clients.ts';
import { ask, inWords } from './ask.ts';
import { demand, notLookedAt } from './finding.ts';
import { needsTheWayIn } from './handshake.ts';
import { config, endpoints, realm, up } from './subject.ts';

const remedy = `Someone changed the realm by hand: ${up} sets what the code owns.`;

/** Where nobody gets as far as the sign-in page, it says nothing about the rest. */
async function needsThePage(context: TestContext): Promise<void> {
  const { status } = await authorize(S256);
  if (status !== 200) notLookedAt(context, `the sign-in page does not open (${status}), told above`);
}

/** An authorization request that is answered before anyone signs in. */
function authorize(parameters: Record<string, string>): Promise<Response> {
  const [client] = clientsOf(config);
  const all = { client_id: client!.clientId, redirect_uri: client!.redirectUris[0]!, scope: 'openid', response_type: 'code', ...parameters };
  return ask(`${endpointOf('auth')}?${new URLSearchParams(all)}`);
}
const token = (parameters: Record<string, string>) => ask(endpointOf('token'), { method: 'POST', body: new URLSearchParams(parameters) });
const endpointOf = (name: string) => `${new URL(realm!.issuer).origin}${realm!.exactPaths.find((path) => path.endsWith(`/openid-connect/${name}`))}`;
const S256 = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' };

/**
 * What the authorization server refuses and takes, by requests that leave nothing behind: nobody is signed in, nothing is registered,
 * no password of anyone is tried.
 */
describe('The rules of sign-in', { concurrent: true }, () => {
  beforeEach((context) => void (!realm && notLookedAt(context, config.auth === 'oauth' ? 'the authorization server is none of Drawbridge’s: its rules are its own' : `nobody signs in: drawbridge:auth is ${config.auth}`)));
  beforeEach(needsTheWayIn);

  it('the sign-in page opens, from every address and for every client of the config', async () => {
    for (const { clientId, redirectUris } of clientsOf(config)) {
      const answer = await authorize({ client_id: clientId, redirect_uri: redirectUris[0]!, ...S256 });
      const page = answer.status === 200 && (answer.headers.get('content-type') ?? '').startsWith('text/html');
      demand(page, { expected: `the sign-in page for ${clientId}`, found: await inWords(answer), remedy: answer.status === 403 ? `The user’s own browser asks for it: an allow-list must be on the MCP paths only. ${up}` : remedy });
    }
  });

  it('a code is sent to no address but a client’s own', async (context) => {
    await needsThePage(context);
    const answer = await authorize({ redirect_uri: 'https://drawbridge-verify.invalid/callback', ...S256 });
    demand(answer.status === 400 && !answer.headers.has('location'), { expected: '400 for a redirect URI that no client has', found: await inWords(answer), remedy });
  });

  it.for([
    ['without PKCE', {}],
    ['with the PKCE method plain', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }],
    ['for the implicit grant', { ...S256, response_type: 'token' }],
  ] as const)('a sign-in %s is refused (OAuth 2.1)', async ([, parameters], context) => {
    await needsThePage(context);
    const answer = await authorize(parameters);
    const refused = /[?#&]error=/.test(answer.headers.get('location') ?? '') || answer.status === 400;
    demand(refused, { expected: 'an error', found: answer.status === 200 ? 'the sign-in page' : await inWords(answer), remedy });
  });

  it('passwords are taken on the sign-in page only, not by clients (password grant)', async () => {
    for (const clientId of [clientsOf(config)[0]!.clientId, 'admin-cli']) {
      // Of somebody whom there is not: no account counts a failure.
      const answer = await token({ grant_type: 'password', client_id: clientId, username: 'nobody-of-drawbridge-verify', password: 'x' });
      const said = await inWords(answer);
      demand(/unauthorized_client|prohibited/.test(said), { expected: `a refusal of the grant for ${clientId}`, found: said, remedy });
    }
  });

  it(`clients ${config.registration === 'open' ? 'may register themselves, as those of the config and no others' : 'cannot register themselves'} (registration)`, async (context) => {
    const open = `${new URL(realm!.issuer).origin}${realm!.registrationPath}`;
    const closed = endpoints.authorizationServer?.hiddenMetadata?.registration_endpoint;
    const metadata = (await (await ask(realm!.metadataUrl)).json().catch(() => notLookedAt(context, 'there is no metadata, told above'))) as { registration_endpoint?: string };
    const named = metadata.registration_endpoint;
    if (closed) {
      demand(named === undefined, { expected: 'no registration_endpoint in the metadata', found: String(named), remedy: up });
      const answer = await register(closed, 'https://drawbridge-verify.invalid/callback');
      return demand(answer.status === 404, { expected: `404 from ${closed}`, found: await inWords(answer), remedy: up });
    }
    if (config.registration === 'closed') {
      // The front of another stack passes registrations on for every realm there: this one refuses them itself.
      const answer = await register(open, 'https://drawbridge-verify.invalid/callback');
      return demand(answer.status === 403, { expected: `403 from ${open}`, found: await inWords(answer), remedy });
    }
    demand(named === open, { expected: `registration_endpoint ${open} in the metadata`, found: named ?? 'none', remedy: up });
    // Each is refused for the one thing that is wrong about it, so that nothing is registered: there would be no way to remove it.
    const stranger = await inWords(await register(open, 'https://drawbridge-verify.invalid/callback'));
    demand(stranger.startsWith('400') && stranger.includes('invalid_redirect_uri'), { expected: '400 invalid_redirect_uri for an address that no client of the config has', found: stranger, remedy });
    for (const { clientId, redirectUris } of clientsOf(config)) {
      const known = await inWords(await register(open, redirectUris[0]!));
      demand(known.startsWith('400') && known.includes('invalid_client_metadata'), { expected: `a registration of ${clientId} to be refused for its name, and for nothing else`, found: known, remedy });
    }
  });
});

/** With a name that is too long, which is looked at when all else is right. */
const register = (url: string, redirectUri: string): Promise<Response> =>
  ask(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'drawbridge verify '.repeat(20),
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      scope: ['openid', 'offline_access', ...config.servers.flatMap(({ scopes }) => scopes)].join(' '),
    }),
  });
