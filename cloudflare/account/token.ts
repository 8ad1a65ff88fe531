import type Cloudflare from 'cloudflare';
import { asked, CloudflareError } from '../api.ts';

/** What is wrong with the token itself, whatever it may do. */
export async function tokenProblem(api: Cloudflare, account_id: string): Promise<string | undefined> {
  const what = 'verifying the token';
  try {
    // Tokens of users and those of accounts are each verified at an address of their own.
    const { status } = await asked(what, api.user.tokens.verify()).catch((error: unknown) => {
      if (error instanceof CloudflareError && error.status !== undefined && error.status < 429) return asked(what, api.accounts.tokens.verify({ account_id }));
      throw error;
    });
    return status === 'active' ? undefined : `the token is ${status}: make a new one, or enable it again (My Profile → API Tokens, or Manage Account → Account API Tokens)`;
  } catch (error) {
    if (!(error instanceof CloudflareError) || error.status === undefined || error.status >= 429) throw error;
    return `the token is none of this account’s, or of no user: it was mistyped, revoked or rolled, or drawbridge:cloudflare.accountId is wrong (${error.message})`;
  }
}
