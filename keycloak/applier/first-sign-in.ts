import type { DesiredRealm } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import { type Report, reset } from './report.ts';

/** The flow of a first sign-in through an identity provider. Each step is set by itself, since Keycloak's own flows keep their shape. */
export async function applyFirstSignIn(admin: Connection, { firstSignIn: { flow, steps, requiredActions } }: DesiredRealm, report: Report): Promise<void> {
  const wanted = new Map(Object.entries(steps));
  const executions = await admin.authenticationManagement.getExecutions({ flow });
  for (const execution of executions) {
    const name = execution.providerId ?? execution.displayName ?? '';
    const requirement = wanted.get(name);
    wanted.delete(name);
    if (requirement === undefined || execution.requirement === requirement) continue;
    await admin.authenticationManagement.updateExecution({ flow }, { ...execution, requirement });
    report.changes.push(reset(`flow ${flow}`, [{ path: name, expected: requirement, found: execution.requirement }]));
  }
  // With another shape than is known here, nobody knows what it lets through.
  if (wanted.size > 0) throw new Error(`Keycloak's flow ${flow} has no step ${[...wanted.keys()].join(', ')}: it is not the Keycloak that this version knows.`);
  for (const action of await admin.authenticationManagement.getRequiredActions()) {
    const enabled = requiredActions[action.alias ?? ''];
    if (enabled === undefined || action.enabled === enabled) continue;
    await admin.authenticationManagement.updateRequiredAction({ alias: action.alias! }, { ...action, enabled });
    report.changes.push(reset(`required action ${action.alias}`, [{ path: 'enabled', expected: enabled, found: action.enabled }]));
  }
}
