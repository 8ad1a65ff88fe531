import type { TestContext } from 'vitest';
import { ask } from './ask.ts';
import { notLookedAt } from './finding.ts';
import { config } from './subject.ts';

/** What the front says to who calls from elsewhere. Cloudflare's own 403 is a page. */
const REFUSED = 'address_not_allowed';

/** Whether the front takes no calls from this machine. Where everyone may call, that is for the checks of calls to find. */
export async function isKeptOut(url: string): Promise<boolean> {
  if (config.dataPlaneAllowlist.length === 0) return false;
  // Without a message: the front judges before it, and no server is started for it.
  const answer = await ask(url, { method: 'POST' });
  return answer.status === 403 && (await answer.text()).includes(REFUSED);
}

/** Before each check that calls a server. */
export async function needsToBeLetIn(context: TestContext, url: string): Promise<void> {
  if (await isKeptOut(url)) notLookedAt(context, `drawbridge:dataPlaneAllowlist (${config.dataPlaneAllowlist.join(', ')}) lets nobody call from here`);
}
