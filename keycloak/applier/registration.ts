import type { DesiredRealm } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

const TYPE = 'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy';
const ANONYMOUS = 'anonymous';

/** The policies that a client's anonymous registration must pass. Others that people added stay, are checked too, and are reported. */
export async function applyRegistrationPolicies(admin: Connection, desired: DesiredRealm, report: Report): Promise<void> {
  const realmId = (await admin.realms.findOne({ realm: desired.realm }))?.id;
  const current = (await admin.components.find({ type: TYPE })).filter(({ subType }) => subType === ANONYMOUS);
  for (const policy of desired.registrationPolicies) {
    const existing = current.find(({ name }) => name === policy.name);
    const paths = drift(policy, existing);
    if (existing?.id && paths.length > 0) {
      await admin.components.update({ id: existing.id }, { ...existing, ...policy });
      report.changes.push(reset(`registration policy ${policy.name}`, paths));
    } else if (!existing?.id) {
      await admin.components.create({ ...policy, providerType: TYPE, subType: ANONYMOUS, parentId: realmId });
      report.changes.push(`created registration policy ${policy.name}`);
    }
  }
  for (const { id, name = '' } of current)
    if (desired.replacedRegistrationPolicies.includes(name)) {
      await admin.components.del({ id: id! });
      report.changes.push(`deleted registration policy ${name}`);
    } else if (!desired.registrationPolicies.some((policy) => policy.name === name)) {
      report.reported.push(`registration policy ${name} was added by hand`);
    }
  // Whoever has one passes none of these.
  for (const { count, remainingCount } of await admin.realms.getClientsInitialAccess({ realm: desired.realm }))
    report.reported.push(`an initial access token was made by hand: ${remainingCount} of ${count} clients can still register with it, past every policy`);
}
