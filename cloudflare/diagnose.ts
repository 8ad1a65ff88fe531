import { CloudflareError } from './api.ts';
import { checkBotSettings, checkCustomRules } from './checks/bots.ts';
import { checkCachedAnswers, checkCacheRules } from './checks/cache.ts';
import { checkCertificates } from './checks/certificate.ts';
import { checkDns } from './checks/dns.ts';
import type { Finding, Looked, Subject } from './checks/finding.ts';
import { checkAnswers } from './checks/probe.ts';
import { checkTunnel } from './checks/tunnel.ts';
import { noZone, zoneNamed } from './zone.ts';

export type { Finding, Subject };

interface Check {
  readonly check: Finding['check'];
  readonly look: (looked: Looked) => Promise<Finding[]>;
  /** What the token has to be allowed, as the dashboard shows it. */
  readonly permission?: string;
}

/** In the order in which a request meets what they look at. */
const CHECKS: readonly Check[] = [
  { check: 'dns', look: checkDns, permission: 'Zone → DNS → Read, Account → Cloudflare Tunnel → Read' },
  { check: 'certificate', look: checkCertificates, permission: 'Zone → SSL and Certificates → Read' },
  { check: 'bots', look: checkBotSettings, permission: 'Zone → Bot Management → Read' },
  { check: 'bots', look: checkCustomRules, permission: 'Zone → Zone WAF → Read' },
  { check: 'cache', look: checkCacheRules, permission: 'Zone → Cache Rules → Read' },
  { check: 'tunnel', look: checkTunnel, permission: 'Account → Cloudflare Tunnel → Read' },
  { check: 'cache', look: checkCachedAnswers },
  { check: 'edge', look: checkAnswers },
];

/**
 * What keeps clients from a stack behind a tunnel: in its zone and account, as the API has it, and at the edge, by asking as clients do.
 * Changes nothing. A check that could not be made is a finding as well.
 */
export async function diagnose(subject: Subject): Promise<Finding[]> {
  const found = await zoneNamed(subject.api, subject.zone, subject.accountId).catch((error: unknown) => couldNot('zone', error));
  if (!found) return [{ check: 'zone', problem: `There is nothing to look at: ${noZone(subject.zone)}.`, remedy: 'Correct the token’s permissions, or drawbridge:cloudflare.' }];
  if ('problem' in found) return [found];
  const findings = CHECKS.map(({ check, look, permission }) => look({ ...subject, found }).catch((error: unknown) => [couldNot(check, error, permission)]));
  return (await Promise.all(findings)).flat();
}

function couldNot(check: Finding['check'], error: unknown, permission?: string): Finding {
  if (!(error instanceof CloudflareError)) throw error;
  const remedy = error.denied && permission ? `Allow the token that: ${permission}.` : 'Try again.';
  return { check, problem: `It is not known whether all is well here: ${error.message}`, remedy };
}
