import { isIP } from 'node:net';
import type { Facts, Listener } from './facts.ts';
import { isForTests, isLoopback, isPrivate } from './where.ts';

/** What a stack wants of a machine. */
export interface Wanted {
  readonly stack: string;
  /** Whether rules of the firewall are to be set there. */
  readonly firewall: boolean;
  /** Where the front is. */
  readonly front?: {
    readonly names: readonly string[];
    /** Addresses of the machine as the internet knows it; none: its own. */
    readonly publicAddresses: readonly string[];
    readonly acmeDirectory: string;
    /** Whether the ACME CA comes to port 80 of the names. */
    readonly http01: boolean;
    /** Whether the names lead to other proxies first. */
    readonly behindProxies: boolean;
    /** Address of the machine with the rest, where that is another one. */
    readonly appAddress?: string;
  };
  /** Where the rest is: the address and ports on which it listens. */
  readonly app?: { readonly address: string; readonly ports: readonly number[] };
}

/** What keeps a stack from standing there, each with its remedy, and what may. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Tokens of a minute, certificates and their proofs: all of them look at the clock. In seconds. */
const CLOCK_TOLERANCE = 30;
/** Below it no stack should be stood up. In bytes. */
export const LEAST_SPACE = 2e9;

/** Everything that is wrong with a machine, at once. */
export function judge(facts: Facts, wanted: Wanted): Verdict {
  const problems: string[] = [];
  const warnings: string[] = [];
  const { docker, clock, freeBytes, user, root, nft } = facts;
  const prepare = `\`npm run host -- prepare --stack ${wanted.stack}\``;
  if (docker.answer === 'denied') problems.push(`a Docker engine runs, but ${user} may not use it: ${prepare} adds ${user} to the group docker, which is as good as being root`);
  else if (docker.answer === 'no') problems.push(docker.daemon ? `the Docker engine does not run: ${prepare} starts it` : `there is no Docker engine (${facts.system}): ${prepare} installs one`);
  else if (!docker.client) problems.push(`the docker command is missing, through which the engine is reached by ssh: ${prepare} installs it`);
  if (wanted.firewall && docker.elsewhere) problems.push(`its docker leads to ${docker.elsewhere} (DOCKER_HOST, or a context): containers would be made there, and the firewall’s rules here. Name the machine in drawbridge:deploy, and unset DOCKER_HOST (or \`docker context use default\`)`);
  if (wanted.firewall && root === 'no') problems.push(`${user} is not root and may not use sudo without a password, which the firewall’s rules need: sign in as root, allow sudo (${user} ALL=(ALL) NOPASSWD: ALL), or set drawbridge:firewall to none`);
  if (wanted.firewall && !nft) problems.push('there is no nft, which closes the ports that Docker publishes: install the package nftables, or set drawbridge:firewall to none');
  if (Math.abs(clock.ahead) > CLOCK_TOLERANCE) problems.push(`its clock is ${Math.abs(clock.ahead)} seconds ${clock.ahead > 0 ? 'ahead of' : 'behind'} this machine’s, so that tokens and certificates would be refused: set one of them right, for example \`timedatectl set-ntp true\``);
  else if (clock.synchronized === false) warnings.push('nothing keeps its clock in sync: `timedatectl set-ntp true`');
  if (freeBytes !== undefined && freeBytes < LEAST_SPACE) problems.push(`its disk is nearly full: ${(freeBytes / 1e9).toFixed(1)} GB are free where Docker keeps its data, and a stack needs at least ${LEAST_SPACE / 1e9} GB`);
  if (wanted.front) judgeFront(facts, wanted.stack, wanted.front, problems, warnings);
  if (wanted.app) judgeApp(facts, wanted.stack, wanted.app, problems);
  return { problems, warnings };
}

function judgeFront(facts: Facts, stack: string, front: NonNullable<Wanted['front']>, problems: string[], warnings: string[]): void {
  if (!listens(facts, stack)) {
    const holders = [80, 443].flatMap((port) => facts.listeners.filter((listener) => listener.port === port && !isLoopback(listener.address)).slice(0, 1));
    for (const holder of holders) problems.push(`port ${holder.port} is held by ${nameOf(holder)}, and the front needs it: ${makeRoom(holder)}`);
  }
  const names = judgeNames(facts, front);
  problems.push(...names.problems);
  warnings.push(...names.warnings);
  // 60: a certificate that curl does not know; whether the ACME client does is its own matter. It was reached.
  if (!facts.acme) warnings.push(`whether ${front.acmeDirectory} can be reached from there is not known: there is no curl`);
  else if (facts.acme.code !== 0 && facts.acme.code !== 60) problems.push(`it does not reach the ACME CA at ${front.acmeDirectory} (${facts.acme.said}): let it out to that address, or correct drawbridge:acme`);
}

type Names = Pick<NonNullable<Wanted['front']>, 'names' | 'publicAddresses' | 'http01' | 'behindProxies' | 'appAddress'>;

/** Whether the public names lead to the machine that is looked at. */
export function judgeNames(facts: Facts, front: Names): Verdict {
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const name of front.names) judgeName(facts, name, front, problems, warnings);
  return { problems, warnings };
}

function judgeName(facts: Facts, name: string, front: Names, problems: string[], warnings: string[]): void {
  const found = (facts.names[name] ?? []).filter((address) => !isLoopback(address));
  const own = facts.addresses.filter((address) => !isLoopback(address) && !address.startsWith('fe80:'));
  const here = front.publicAddresses.length > 0 ? front.publicAddresses : own;
  const wanted = records(front.publicAddresses.length > 0 || own.some(isForTests) ? here : own.filter((address) => !isPrivate(address)));
  // Without HTTP-01, only clients are kept away, and DNS may follow later.
  const say = (what: string) => void (front.http01 ? problems : warnings).push(what);
  if (found.length === 0) return say(`${name} has no DNS record: it needs ${wanted}`);
  if (front.behindProxies) return;
  const elsewhere = found.filter((address) => !here.some((each) => same(each, address)));
  if (elsewhere.length === 0) return;
  if (front.appAddress !== undefined && elsewhere.some((address) => same(address, front.appAddress!)))
    return say(`${name} leads to ${front.appAddress}, the app’s machine: have it lead to this one, ${records(here)}, and then run \`up\``);
  // Behind a router that translates addresses a machine does not know its public one.
  if (front.publicAddresses.length === 0 && own.filter((address) => isIP(address) === isIP(elsewhere[0]!)).every(isPrivate))
    return void warnings.push(`${name} leads to ${elsewhere.join(', ')}, which this machine does not have: if a router passes ports 80 and 443 on from there, name the address in drawbridge:publicAddresses`);
  // One wrong family is enough to fail: a CA asks over IPv6 first where there is an AAAA record.
  say(`${name} leads to ${elsewhere.join(', ')}, which is not this machine: its DNS records have to be ${wanted}${front.publicAddresses.length > 0 ? ' (drawbridge:publicAddresses)' : ''}`);
}

/** Of addresses, the DNS records. Public DNS has no place for a private one, and behind a router a machine has no other. */
function records(addresses: readonly string[]): string {
  return addresses.map((address) => `${isIP(address) === 6 ? 'AAAA' : 'A'} ${address}`).join(', ') || 'the machine’s public address, which drawbridge:publicAddresses names';
}

function judgeApp(facts: Facts, stack: string, { address, ports }: NonNullable<Wanted['app']>, problems: string[]): void {
  if (!isLoopback(address) && !facts.addresses.some((each) => same(each, address)))
    problems.push(`drawbridge:deploy.appAddress is ${address}, which is no address of this machine: it has ${facts.addresses.filter((each) => !isLoopback(each)).join(', ')}`);
  if (runs(facts, `drawbridge-${stack}-server`)) return;
  for (const port of ports) {
    const holder = facts.listeners.find((listener) => listener.port === port);
    if (holder) problems.push(`port ${port} is held by ${nameOf(holder)}, and the app needs it: stop it`);
  }
}

/** Whether a front of the stack has ports 80 and 443: one behind a tunnel has not, unless it is just being replaced. */
function listens({ containers }: Facts, stack: string): boolean {
  const fronts = placesOf(`drawbridge-${stack}-front`).filter((name) => containers.includes(name));
  return fronts.length > (containers.includes(`drawbridge-${stack}-connector-1`) ? 1 : 0);
}

const placesOf = (name: string): string[] => ['-a', '-b'].map((place) => `${name}${place}`);

/** Whether a container of that name runs, in one of the places of its role. */
const runs = ({ containers }: Facts, name: string): boolean => placesOf(name).some((each) => containers.includes(each));

const nameOf = ({ process }: Listener): string => (process ? `${process.name} (process ${process.id})` : 'another program');

/** What to do about a web server that is there already. Two cannot share a port. */
function makeRoom({ process }: Listener): string {
  const service = { nginx: 'nginx', caddy: 'caddy', apache2: 'apache2', httpd: 'httpd', haproxy: 'haproxy', traefik: 'traefik' }[process?.name ?? ''];
  if (process?.name === 'docker-proxy') return 'stop the container that publishes it (`docker ps` names it), or give the proxy another machine (drawbridge:deploy.proxy)';
  if (!service) return 'stop it, or give the proxy another machine (drawbridge:deploy.proxy)';
  return `if nothing else is served by it, \`systemctl disable --now ${service}\`; if something is, move that to other ports or give the proxy another machine (drawbridge:deploy.proxy)`;
}

/** Whether two texts are one address. */
function same(one: string, other: string): boolean {
  const canonical = (address: string) => (isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address);
  return canonical(one) === canonical(other);
}
