import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { secretRules } from './secret-rules.ts';
import { metadataSuffix } from '../endpoints.ts';
import { isLoopback, isPrivate } from '../../host/where.ts';

/** What does not go with `identityProviders`. */
export function identityProviderRules({ auth, authorizationServer, identityProviders = {}, secrets }: Partial<Parsed>): ConfigProblem[] {
  const { github, oidc } = identityProviders;
  const problems: ConfigProblem[] = [];
  if (Object.values(identityProviders).every((provider) => provider === undefined)) return problems;
  const elsewhere = auth && auth !== 'oauth' ? `auth is ${auth}` : typeof authorizationServer === 'object' ? 'authorizationServer is your own' : undefined;
  if (elsewhere) problems.push({ path: 'identityProviders', message: `are for the Keycloak of the stack, and ${elsewhere}: remove one or change the other` });
  for (const [alias, provider] of Object.entries(identityProviders))
    if (provider) problems.push(...secretRules(provider.clientSecret.secret, `identityProviders.${alias}.clientSecret`, secrets));
  if (github && (github.baseUrl === undefined) !== (github.apiUrl === undefined))
    problems.push({ path: 'identityProviders.github', message: 'has one of baseUrl and apiUrl: GitHub Enterprise Server needs both, github.com none' });
  for (const [path, url] of [['github.baseUrl', github?.baseUrl], ['github.apiUrl', github?.apiUrl], ['oidc.issuer', oidc?.issuer]] as const)
    if (url !== undefined) problems.push(...urlRules(`identityProviders.${path}`, url));
  const suffix = oidc && metadataSuffix(oidc.issuer);
  if (suffix) problems.push({ path: 'identityProviders.oidc.issuer', message: `is the address of its metadata: cut off ${suffix}` });
  const taken = oidc?.name && (['github', 'google'] as const).find((alias) => identityProviders[alias] && oidc.name!.toLowerCase().replace(/[^a-z]/g, '') === alias);
  if (taken) problems.push({ path: 'identityProviders.oidc.name', message: `is what the button of ${taken} says, so that people could not tell the two apart: choose another` });
  return problems;
}

const HOST = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/;

function urlRules(path: string, text: string): ConfigProblem[] {
  const { protocol, hostname, username, password } = new URL(text);
  if (username || password) return [{ path, message: 'has a user or a password in it, which everyone could read in the state: remove them' }];
  if (isLoopback(hostname)) return [{ path, message: 'is Keycloak’s own container, and browsers look for it on their machine: use a name that both can reach' }];
  // It becomes part of a pattern, the one that says where Keycloak may send requests.
  if (!HOST.test(hostname)) return [{ path, message: `names no host: ${hostname} must be letters, digits, dashes and dots, or an IP address` }];
  // Who can change a plain answer on its way can sign in as anybody.
  return protocol === 'http:' && !isPrivate(hostname) ? [{ path, message: 'must be https: whoever can change its answers on the way can sign in as anybody' }] : [];
}
