import type { DesiredRealm } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { drift } from './drift.ts';
import { type Report, reset } from './report.ts';

/** The realm's own settings. Keycloak leaves alone what an update does not mention. */
export async function applySettings(admin: Connection, { realm, settings }: DesiredRealm, report: Report): Promise<void> {
  const current = await admin.realms.findOne({ realm });
  const paths = drift(settings, current);
  if (paths.length === 0) return;
  // Attributes are the exception: those that an update does not mention are gone.
  await admin.realms.update({ realm }, { realm, ...settings, attributes: { ...current?.attributes, ...settings.attributes } });
  report.changes.push(reset(`realm ${realm}`, paths));
}

/** Client profiles and policies: ours by name, people's own beside them. Those are reported: a policy can loosen what ours demands. */
export async function applyClientPolicies(admin: Connection, { profiles, policies }: DesiredRealm, report: Report): Promise<void> {
  const currentProfiles = (await admin.clientPolicies.listProfiles({})).profiles ?? [];
  const profilePaths = drift(byName(profiles), byName(currentProfiles));
  if (profilePaths.length > 0) {
    await admin.clientPolicies.createProfiles({ profiles: merged(profiles, currentProfiles) });
    report.changes.push(reset('client profiles', profilePaths));
  }
  const currentPolicies = (await admin.clientPolicies.listPolicies({})).policies ?? [];
  const policyPaths = drift(byName(policies), byName(currentPolicies));
  if (policyPaths.length > 0) {
    await admin.clientPolicies.updatePolicy({ policies: merged(policies, currentPolicies) });
    report.changes.push(reset('client policies', policyPaths));
  }
  for (const { name } of currentPolicies) if (!policies.some((policy) => policy.name === name)) report.reported.push(`client policy ${name} was added by hand`);
}

interface Named {
  readonly name?: string;
}

function byName(list: readonly Named[]): Record<string, Named> {
  return Object.fromEntries(list.map((entry) => [entry.name ?? '', entry]));
}

function merged<T extends Named>(desired: readonly T[], current: readonly T[]): T[] {
  return [...current.filter(({ name }) => !desired.some((entry) => entry.name === name)), ...desired];
}
