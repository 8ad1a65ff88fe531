import type { Zone } from './answers.ts';
import { accountOf } from './cloudflare.ts';
import { type Flags, readEach, together } from './flags.ts';
import type { Prompts } from './prompts.ts';
import { Wrong } from './wrong.ts';
import type { Asking } from './questions.ts';
import { readAccount, readZone } from './read.ts';

const tokenHere = (): string => process.env.CLOUDFLARE_API_TOKEN ?? '';

/** A name is in the zone of its parent, more often than not. */
const parentOf = (host: string | undefined): string | undefined => (host && host.split('.').length > 2 ? host.slice(host.indexOf('.') + 1) : host);

/** What the flags say of the zone. The token is no flag: every user of this machine could read it there. @throws Wrong */
export async function givenZone({ cloudflareZone, cloudflareAccount }: Flags, { host }: { host?: string }): Promise<Zone | undefined> {
  const token = tokenHere();
  if (cloudflareZone === undefined && cloudflareAccount === undefined && !token) return undefined;
  const [[zone = parentOf(host)], [account]] = together(
    () => readEach('cloudflareZone', cloudflareZone === undefined ? [] : [cloudflareZone], readZone),
    () => readEach('cloudflareAccount', cloudflareAccount === undefined ? [] : [cloudflareAccount], readAccount),
  );
  if (zone === undefined) return undefined;
  const accountId = account ?? (await accountOf({ token, zone }));
  const why = token ? `CLOUDFLARE_API_TOKEN shows no zone ${zone}, and so not its account` : `with CLOUDFLARE_API_TOKEN in the environment Cloudflare is asked for the account of ${zone}`;
  if (accountId === undefined) throw new Wrong(`--cloudflare-account is missing: ${why}; the dashboard shows its id on the overview page of the zone`);
  return { zone, token, accountId };
}

export async function askZone(prompts: Prompts, { soFar: { host }, before, fits }: Asking<'cloudflare'>): Promise<Zone> {
  const anyAccount = { accountId: '0'.repeat(32), token: '' };
  const zone = await prompts.text({ message: 'Which zone at Cloudflare is it in?', byDefault: before?.zone ?? parentOf(host), read: (text) => fits({ zone: readZone(text), ...anyAccount }) });
  // The one of the environment was just found wrong, perhaps.
  const known = before?.token ? '' : tokenHere();
  if (!known) prompts.say('  What a token has to be allowed is listed in docs/tunnel.md (“The API token”); the dashboard makes one under My Profile → API Tokens.');
  const token = known || (await prompts.secret('An API token for it? (only to check it now, it is not kept; nothing: do not check)'));
  const byDefault = (await accountOf({ token, zone })) ?? before?.accountId;
  return { zone, token, accountId: await prompts.text({ message: 'The id of its account? (the dashboard shows it on the overview page of the zone)', ...(byDefault && { byDefault }), read: readAccount }) };
}
