import { NetworkError } from '@keycloak/keycloak-admin-client';
import type IdentityProviderRepresentation from '@keycloak/keycloak-admin-client/lib/defs/identityProviderRepresentation.js';
import type { DesiredIdentityProvider } from '../identity-providers.ts';
import { type DesiredRealm, MANAGED } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

/**
 * Identity providers with their secrets. One that the code no longer wants is switched off and forgets its secret; it is
 * not deleted, since Keycloak would delete with it which account belongs to whom, and a provider that comes back would
 * find its people's names taken, by themselves.
 */
export async function applyIdentityProviders(admin: Connection, { identityProviders }: DesiredRealm, secrets: Readonly<Record<string, string>>, report: Report): Promise<void> {
  const current = await admin.identityProviders.find({ realmOnly: false });
  for (const provider of identityProviders) {
    const secret = secrets[provider.alias];
    if (!secret) throw new Error(`no secret was passed for the identity provider ${provider.alias}.`);
    await applyProvider(admin, provider, current.find(({ alias }) => alias === provider.alias), secret, report);
    await applyUsername(admin, provider, report);
  }
  for (const provider of current) {
    const unwanted = provider.config?.[MANAGED] === 'true' && !identityProviders.some(({ alias }) => alias === provider.alias);
    if (!unwanted || !provider.enabled) continue;
    await admin.identityProviders.update({ alias: provider.alias! }, { ...provider, enabled: false, config: { ...provider.config, clientSecret: 'forgotten' } });
    report.changes.push(`switched off identity provider ${provider.alias}`);
  }
}

async function applyProvider(admin: Connection, desired: DesiredIdentityProvider, current: IdentityProviderRepresentation | undefined, clientSecret: string, report: Report): Promise<void> {
  const { alias, representation } = desired;
  const config = { ...representation.config, ...(await discover(admin, desired)), [MANAGED]: 'true' };
  const visible = { ...representation, config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== '')) };
  const whole = { ...visible, config: { ...visible.config, clientSecret } };
  if (!current) {
    await admin.identityProviders.create(whole);
    report.changes.push(`created identity provider ${alias}`);
    return;
  }
  // Keycloak shows no secret, so that nobody can tell whether it is still the same: it is written each time. What the
  // config has beyond ours goes: one more key (another token URL) is enough to let a stranger answer for the provider.
  const added = Object.keys(current.config ?? {}).filter((key) => !(key in whole.config) && current.config?.[key] !== '');
  await admin.identityProviders.update({ alias }, { ...current, ...whole });
  const paths = [...drift(visible, current), ...added.map((key) => ({ path: `config.${key}`, expected: undefined, found: current.config?.[key] as unknown }))];
  if (paths.length > 0) report.changes.push(reset(`identity provider ${alias}`, paths));
}

/** The one mapper of ours: what the accounts are called. Mappers that people added could call them something else, or make them members. */
async function applyUsername(admin: Connection, { alias, username }: DesiredIdentityProvider, report: Report): Promise<void> {
  const mappers = await admin.identityProviders.findMappers({ alias });
  const existing = mappers.find(({ name }) => name === username.name);
  const paths = drift(username, existing);
  if (existing?.id && paths.length > 0) {
    await admin.identityProviders.updateMapper({ alias, id: existing.id }, { ...existing, ...username });
    report.changes.push(reset(`username of identity provider ${alias}`, paths));
  } else if (!existing?.id) {
    await admin.identityProviders.createMapper({ alias, identityProviderMapper: username });
    report.changes.push(`created username of identity provider ${alias}`);
  }
  for (const { name } of mappers) if (name !== username.name) report.reported.push(`mapper ${name} of identity provider ${alias} was added by hand`);
}

/** The endpoints that a provider's metadata names, fetched by Keycloak itself: the same way that sign-ins will go (OpenID Connect Discovery §4). */
async function discover(admin: Connection, { alias, discovery }: DesiredIdentityProvider): Promise<Record<string, string>> {
  if (!discovery) return {};
  const found = await admin.identityProviders.importFromUrl({ fromUrl: discovery.url, providerId: 'oidc' }).catch((error: unknown) => {
    if (!(error instanceof NetworkError)) throw error;
    throw new Error(`Keycloak cannot read ${discovery.url}. Is drawbridge:identityProviders.${alias}.issuer right, and can this machine's containers reach it?`);
  }) as Record<string, string | undefined>;
  // §4.3: whoever answers for another issuer must not be believed.
  if (found.issuer !== discovery.issuer) throw new Error(`${discovery.url} is of the issuer ${found.issuer}: write it like that into drawbridge:identityProviders.${alias}.issuer, to the letter.`);
  const { authorizationUrl, tokenUrl, jwksUrl, userInfoUrl } = found;
  if (!authorizationUrl || !tokenUrl || !jwksUrl) throw new Error(`${discovery.url} does not name its authorization, token and JWKS endpoints: it is no provider for signing in by OpenID Connect.`);
  for (const url of [tokenUrl, jwksUrl, ...(userInfoUrl ? [userInfoUrl] : [])]) {
    const { hostname } = new URL(url);
    if (!discovery.hosts.includes(hostname)) throw new Error(`${url} is on a host that Keycloak may not ask. If it belongs to the provider, add ${hostname} to drawbridge:identityProviders.${alias}.hosts.`);
  }
  return { authorizationUrl, tokenUrl, jwksUrl, userInfoUrl: userInfoUrl ?? '' };
}
