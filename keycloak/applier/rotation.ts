import type { ApplierInput } from '../apply.ts';
import { type Connection, signIn } from './connection.ts';
import type { Report } from './report.ts';

/**
 * Signs in with a secret that the applier's client had before, and gives the client the one it is to have from now on.
 * @returns undefined where Keycloak knows none of them
 */
export async function signInAsBefore({ url, desired: { realm }, applier, formerSecrets }: ApplierInput, report: Report): Promise<Connection | undefined> {
  for (const clientSecret of formerSecrets) {
    const admin = await signIn(url, realm, { ...applier, clientSecret });
    if (!admin) continue;
    const [own] = await admin.clients.find({ clientId: applier.clientId });
    await admin.clients.update({ id: own!.id! }, { ...own, secret: applier.clientSecret });
    report.changes.push(`changed the secret of client ${applier.clientId}`);
    return signIn(url, realm, applier);
  }
  return undefined;
}
