import type ClientScopeRepresentation from '@keycloak/keycloak-admin-client/lib/defs/clientScopeRepresentation.js';
import { type DesiredRealm, MANAGED } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

/** Client scopes with their mappers, and which of them the realm gives to new clients. */
export async function applyScopes(admin: Connection, { scopes, assignment }: DesiredRealm, report: Report): Promise<void> {
  const current = await admin.clientScopes.find();
  for (const scope of scopes) await applyScope(admin, scope, current.find(({ name }) => name === scope.name), report);
  for (const { id, name, attributes } of current)
    if (attributes?.[MANAGED] === 'true' && !scopes.some((scope) => scope.name === name)) {
      await admin.clientScopes.del({ id: id! });
      report.changes.push(`deleted scope ${name}`);
    }
  const made = report.changes.flatMap((change) => (typeof change === 'string' ? [change] : []));
  await assign(admin, assignment, report, (name) => made.includes(`created scope ${name}`));
  await unlist(admin, assignment.none, report);
}

async function applyScope(admin: Connection, desired: ClientScopeRepresentation, current: ClientScopeRepresentation | undefined, report: Report): Promise<void> {
  if (!current?.id) {
    await admin.clientScopes.create(desired);
    report.changes.push(`created scope ${desired.name}`);
    return;
  }
  const { protocolMappers: mappers = [], ...scope } = desired;
  const id = current.id;
  const paths = drift(scope, current);
  if (paths.length > 0) {
    await admin.clientScopes.update({ id }, { ...current, ...scope, attributes: { ...current.attributes, ...scope.attributes } });
    report.changes.push(reset(`scope ${desired.name}`, paths));
  }
  for (const mapper of mappers) {
    const existing = current.protocolMappers?.find(({ name }) => name === mapper.name);
    const mapperPaths = drift(mapper, existing);
    if (mapperPaths.length === 0) continue;
    if (existing?.id) await admin.clientScopes.updateProtocolMapper({ id, mapperId: existing.id }, { ...existing, ...mapper, config: { ...existing.config, ...mapper.config } });
    else await admin.clientScopes.addProtocolMapper({ id }, mapper);
    report.changes.push(reset(`mapper ${mapper.name} of scope ${desired.name}`, mapperPaths));
  }
  // No token says more of a person than the config needs, or is good for another server.
  for (const { id: mapperId, name } of current.protocolMappers ?? [])
    if (mapperId && !mappers.some((mapper) => mapper.name === name)) {
      await admin.clientScopes.delProtocolMapper({ id, mapperId });
      report.changes.push(`deleted mapper ${name} of scope ${desired.name}`);
    }
}

/** @param isNew one of which a run that only looks knows that it would have made it */
async function assign(admin: Connection, { default: byDefault, optional, none }: DesiredRealm['assignment'], report: Report, isNew: (name: string) => boolean): Promise<void> {
  const ids = new Map((await admin.clientScopes.find()).map(({ name, id }) => [name, id]));
  const namesOf = (list: ClientScopeRepresentation[]) => new Set(list.map(({ name }) => name));
  const [currentDefault, currentOptional] = [
    namesOf(await admin.clientScopes.listDefaultClientScopes()),
    namesOf(await admin.clientScopes.listDefaultOptionalClientScopes()),
  ];
  const move = async (name: string, to: 'default' | 'optional' | 'none') => {
    const id = ids.get(name);
    if (!id) {
      // Keycloak's own scopes may be missing: someone deleted one, and there is nothing left to keep out of the tokens.
      if (to !== 'none' && !isNew(name)) throw new Error(`the realm has no client scope ${name}, which Keycloak makes with every realm; create it again.`);
      return;
    }
    if (currentDefault.has(name) === (to === 'default') && currentOptional.has(name) === (to === 'optional')) return;
    if (currentDefault.has(name)) await admin.clientScopes.delDefaultClientScope({ id });
    if (currentOptional.has(name)) await admin.clientScopes.delDefaultOptionalClientScope({ id });
    if (to === 'default') await admin.clientScopes.addDefaultClientScope({ id });
    if (to === 'optional') await admin.clientScopes.addDefaultOptionalClientScope({ id });
    report.changes.push(`assigned scope ${name}: ${to}`);
  };
  for (const name of byDefault) await move(name, 'default');
  for (const name of optional) await move(name, 'optional');
  for (const name of none) await move(name, 'none');
}

const LISTED = 'include.in.openid.provider.metadata';

/** Some clients ask for every scope that the metadata lists, and would be refused for those that none can get. */
async function unlist(admin: Connection, none: readonly string[], report: Report): Promise<void> {
  for (const { id, name = '', attributes, ...scope } of await admin.clientScopes.find())
    if (none.includes(name) && attributes?.[LISTED] !== 'false') {
      await admin.clientScopes.update({ id: id! }, { ...scope, name, attributes: { ...attributes, [LISTED]: 'false' } });
      report.changes.push(`took scope ${name} off the metadata`);
    }
}
