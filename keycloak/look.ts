import { text } from 'node:stream/consumers';
import { readOnly, signIn, waitForKeycloak } from './applier/connection.ts';
import type { Report } from './applier/report.ts';
import { type ApplierInput, applyAll, explain, lockedOut, parse } from './apply.ts';

/** How long a Keycloak that is looked at may take to answer, in milliseconds. */
const PATIENCE = 10_000;

/** What `apply` would change, value by value. Changes nothing. @throws Error where the applier is not let in */
export async function look(input: ApplierInput): Promise<Report> {
  const { url, desired, applier, formerSecrets } = input;
  const report: Report = { changes: [], reported: [] };
  await waitForKeycloak(url, PATIENCE);
  for (const clientSecret of [applier.clientSecret, ...formerSecrets]) {
    const admin = await signIn(url, desired.realm, { ...applier, clientSecret });
    if (!admin) continue;
    await applyAll(readOnly(admin), input, report);
    return report;
  }
  throw new Error(lockedOut(input));
}

// As a program of its own: it is an old applier that would not know a switch, and would apply.
if (import.meta.main) {
  try {
    console.log(JSON.stringify(await look(parse(await text(process.stdin)))));
  } catch (error) {
    console.error(`The realm was not looked at: ${explain(error)}`);
    process.exitCode = 1;
  }
}
