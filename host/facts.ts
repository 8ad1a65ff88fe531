import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError, quote, runScript } from './shell.ts';

/** Distributions that are installed upon in the same way. */
export type Family = 'debian' | 'fedora' | 'rhel';

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Undefined where this user may not know. */
  readonly process?: { readonly name: string; readonly id: number };
}

/** What a machine is. */
export interface Facts {
  readonly family: Family | undefined;
  /** As it calls itself. */
  readonly system: string;
  readonly user: string;
  /** How this user becomes root: is it, by sudo without a password, or not at all. */
  readonly root: 'yes' | 'sudo' | 'no';
  readonly systemd: boolean;
  readonly nft: boolean;
  readonly docker: {
    readonly client: boolean;
    readonly daemon: boolean;
    /** `denied`: one runs that this user may not talk to. */
    readonly answer: 'yes' | 'denied' | 'no';
    /** The other machine to which DOCKER_HOST or a context leads. */
    readonly elsewhere?: string;
  };
  /** Names of those that run. */
  readonly containers: readonly string[];
  readonly clock: {
    /** Seconds ahead of this machine's. */
    readonly ahead: number;
    /** Undefined where nobody there knows. */
    readonly synchronized: boolean | undefined;
  };
  readonly listeners: readonly Listener[];
  readonly addresses: readonly string[];
  /** Host name → what it resolves to there. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** Free bytes where Docker keeps its data, where that is there. */
  readonly freeBytes: number | undefined;
  /** How asking the ACME directory went: curl's exit code and words. Undefined without curl. */
  readonly acme: { readonly code: number; readonly said: string } | undefined;
}

/** What is to be found out beyond the machine itself. */
export interface Questions {
  readonly names: readonly string[];
  readonly acmeDirectory?: string;
}

const script = readFileSync(join(import.meta.dirname, 'facts.sh'), 'utf8');

/** @throws HostError where the machine cannot be reached */
export async function gatherFacts(target: string, { names, acmeDirectory = '' }: Questions): Promise<Facts> {
  const { code, stdout, stderr } = await runScript(target, `NAMES=${quote(names.join(' '))} ACME=${quote(acmeDirectory)}\n${script}`);
  if (code !== 0) throw new HostError(`${target} could not be looked at:\n${stderr.trim()}`);
  return parseFacts(stdout, Date.now() / 1000);
}

/** @param now seconds since 1970, here */
export function parseFacts(text: string, now: number): Facts {
  const lines = text.split('\n').flatMap((line) => {
    const tab = line.indexOf('\t');
    return tab < 0 ? [] : [[line.slice(0, tab), line.slice(tab + 1)] as const];
  });
  const all = (word: string) => lines.flatMap(([key, value]) => (key === word ? [value] : []));
  const one = (word: string) => all(word)[0];
  const names: Record<string, string[]> = {};
  for (const [name, address] of all('name').map((value) => value.split(' '))) (names[name!] ??= []).push(address!);
  const acme = /^(\d+) ?(.*)$/.exec(one('acme') ?? '');
  return {
    family: familyOf(one('os') ?? ''),
    system: one('system') ?? 'an unknown system',
    user: one('user') ?? '',
    root: (one('root') as 'yes' | 'sudo' | undefined) || 'no',
    systemd: one('systemd') === 'yes',
    nft: one('nft') === 'yes',
    docker: { client: one('client') === 'yes', daemon: one('daemon') === 'yes', answer: one('engine') ? 'yes' : one('denied') ? 'denied' : 'no', ...(/^(?!unix:)/.test(one('endpoint') ?? 'unix:') && { elsewhere: one('endpoint') }) },
    containers: all('container'),
    clock: { ahead: Math.round(Number(one('time')) - now), synchronized: one('synchronized') ? one('synchronized') === 'yes' : undefined },
    listeners: all('listener').flatMap(parseListener),
    addresses: all('address').map((address) => address.replace(/\/.*/, '')),
    names,
    freeBytes: one('free') ? Number(one('free')) * 1024 : undefined,
    acme: acme ? { code: Number(acme[1]), said: acme[2]! } : undefined,
  };
}

/** @param os `ID` and `ID_LIKE` of /etc/os-release */
function familyOf(os: string): Family | undefined {
  const words = os.trim().split(/\s+/);
  if (words.includes('debian') || words.includes('ubuntu')) return 'debian';
  // Fedora is what all of these say they are like.
  if (words.includes('rhel') || words.includes('centos')) return 'rhel';
  return words.includes('fedora') ? 'fedora' : undefined;
}

/** A line of `ss -Hltnp`: state, queues, local address, peer, and for root `users:(("nginx",pid=1,fd=6))`. */
function parseListener(line: string): Listener[] {
  const [, address, port] = /^\S+\s+\d+\s+\d+\s+(\S+):(\d+)\s/.exec(line) ?? [];
  if (address === undefined) return [];
  const [, name, id] = /users:\(\("([^"]+)",pid=(\d+)/.exec(line) ?? [];
  return [{ address: address.replace(/^\[|\]$|%.*$/g, ''), port: Number(port), ...(name && { process: { name, id: Number(id) } }) }];
}
