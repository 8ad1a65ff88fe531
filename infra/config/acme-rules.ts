import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { secretRules } from './secret-rules.ts';

/** What does not go together in `acme`. */
export function acmeRules({ acme, secrets }: Partial<Parsed>): ConfigProblem[] {
  if (!acme) return [];
  const problems: ConfigProblem[] = [];
  if (acme.staging && acme.directory) problems.push({ path: 'acme.staging', message: 'is for Let’s Encrypt, and acme.directory names a CA: remove one' });
  if (acme.dns01) problems.push(...secretRules(acme.dns01.cloudflareToken.secret, 'acme.dns01.cloudflareToken', secrets, 'word'));
  return problems;
}

export function acmeWarnings({ acme, tier }: Pick<Parsed, 'acme' | 'tier'>): string[] {
  return acme.staging && tier === 'host' ? ['drawbridge:acme.staging is true: certificates come from Let’s Encrypt’s staging CA, which no client trusts. Remove it once they are issued.'] : [];
}
