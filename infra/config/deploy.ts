import { isIP } from 'node:net';
import { z } from 'zod';
import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';
import { isLoopback, isPrivate } from '../../host/where.ts';

// A user name that could be an option of ssh, or end a shell word, is none.
export const target = z
  .string()
  .regex(/^(local|ssh:\/\/[A-Za-z0-9_][\w.-]*@([A-Za-z0-9][\w.-]*|\[[0-9a-fA-F:]+\])(:[1-9]\d{0,4})?)$/, 'is neither local nor ssh://user@host[:port]')
  .refine((value) => value === 'local' || URL.canParse(value), { error: 'has a port or an IPv6 address that there is not', when: ({ issues }) => issues.length === 0 });
const address = z.union([z.ipv4(), z.ipv6()], { error: 'is no IP address' });

/** Where the containers run: `proxy` has the front and its certificates, `app` the rest. */
export const deploy = z
  .strictObject({
    app: target.default('local'),
    proxy: target.default('local'),
    /** On which the app's machine listens for the proxy's, and from which the proxy comes. */
    appAddress: address.optional(),
    proxyAddress: address.optional(),
  })
  .prefault({});
type Deploy = z.output<typeof deploy>;

/** Whether the front is on a machine of its own. */
const isSplit = ({ app, proxy }: Pick<Deploy, 'app' | 'proxy'>): boolean => app !== proxy;

export function deployRules({ deploy, profile, tier }: Partial<Parsed>): ConfigProblem[] {
  if (!deploy) return [];
  const problems: ConfigProblem[] = [];
  const addresses = ['appAddress', 'proxyAddress'] as const;
  const what = { appAddress: 'the address of the app’s machine on the network that it shares with the proxy’s', proxyAddress: 'the address from which the proxy’s machine connects to the app’s' };
  for (const key of ['app', 'proxy'] as const)
    if (profile === 'local' && deploy[key] !== 'local') problems.push({ path: `deploy.${key}`, message: 'is another machine, and profile local is for this one: use profile preview or production' });
  // What else two machines need would mislead.
  if (tier === 'tunnel' && isSplit(deploy)) return [...problems, { path: 'deploy.proxy', message: `must be the machine of deploy.app in tier tunnel, which needs no proxy: set it to ${deploy.app}` }];
  for (const key of addresses) {
    const value = deploy[key];
    const path = `deploy.${key}`;
    if (!isSplit(deploy)) {
      if (value) problems.push({ path, message: 'is for a proxy on a machine of its own, and deploy.app and deploy.proxy are the same: remove it' });
    } else if (!value) {
      problems.push({ path, message: `is missing: deploy.app and deploy.proxy are two machines, so give ${what[key]}` });
    } else if (isLoopback(isIP(value) === 6 ? `[${value}]` : value) || /^(0\.0\.0\.0|::|fe80:.*)$/i.test(value)) {
      problems.push({ path, message: `cannot be reached from another machine: give ${what[key]}` });
    } else if (!isPrivate(value)) {
      // Tokens and passwords pass between the two in clear text.
      problems.push({ path, message: 'is a public address, and what passes between proxy and app is not encrypted: use a network of your own, or a VPN such as WireGuard between the two' });
    }
  }
  const { appAddress, proxyAddress } = deploy;
  if (appAddress && proxyAddress && isIP(appAddress) !== isIP(proxyAddress))
    problems.push({ path: 'deploy.proxyAddress', message: `is of the other address family than deploy.appAddress, to which the proxy would connect from another address: give its IPv${isIP(appAddress)} address` });
  if (appAddress && isSplit(deploy) && appAddress === proxyAddress) problems.push({ path: 'deploy.proxyAddress', message: `is deploy.appAddress too: give ${what.proxyAddress}` });
  return problems;
}

/** What two machines mean for what passes between them. */
export function deployWarnings({ deploy, firewall, dataPlaneAllowlist }: Pick<Parsed, 'deploy' | 'firewall' | 'dataPlaneAllowlist'>): string[] {
  const { app, proxy, appAddress, proxyAddress } = deploy;
  if (!isSplit({ app, proxy })) return [];
  const unguarded = `drawbridge:firewall is none: whoever reaches ${appAddress} reaches what is behind the front, past it${dataPlaneAllowlist.length > 0 ? ' and its dataPlaneAllowlist' : ''}: the gateway, and Keycloak with its admin console where the stack has one. Let nobody but ${proxyAddress} through to the stack’s ports there, or set it to auto.`;
  return [...(firewall === 'none' ? [unguarded] : []), `drawbridge:deploy has two machines. What passes between the proxy (${proxyAddress}) and the app (${appAddress}) is plain HTTP, tokens and passwords included: let nobody else onto that network, or put a VPN such as WireGuard between the two.`];
}
