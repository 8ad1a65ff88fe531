import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildConnector } from 'undici';
import type { Address, Network } from '../../doctor/network.ts';

/** Of documentation (RFC 5737, RFC 3849), which nobody has. */
export const PUBLIC: Address = { address: '203.0.113.7', family: 4 };
export const PUBLIC_6: Address = { address: '2001:db8::7', family: 6 };
/** An address at which nothing listens. */
export const DEAD: Address = { address: '203.0.113.66', family: 4 };
export const DEAD_6: Address = { address: '2001:db8::66', family: 6 };

export interface Pretence {
  /** `host:port` → the port of loopback that is meant. */
  readonly ports: Readonly<Record<string, number>>;
  /** Host → its addresses. Default: a public one. */
  readonly addresses?: Readonly<Record<string, readonly Address[]>>;
  /** PEM of the CA that everyone trusts there. */
  readonly ca: string;
  /** Of another CA, which only this machine trusts. */
  readonly ownCa?: string;
}

/** An internet in which servers on loopback have public names and addresses. */
export function pretend({ ports, addresses = {}, ca, ownCa }: Pretence): Network {
  const hosts = new Set(Object.keys(ports).map((host) => host.replace(/:\d+$/, '')));
  const through = (trusted: string[]): Network['connect'] => {
    const connect = buildConnector({ ca: trusted, allowH2: false, maxCachedSessions: 0, timeout: 3_000 });
    return (options, done) => {
      const host = options.host!.replace(/:\d+$/, '');
      const isDead = [DEAD.address, DEAD_6.address].includes(options.hostname);
      const port = isDead ? 1 : ports[`${host}:${options.port || '443'}`];
      connect({ ...options, hostname: '127.0.0.1', servername: host, port: String(port ?? 1) }, done);
    };
  };
  return {
    resolve: async (host) => {
      if (!hosts.has(host)) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' });
      return [...(addresses[host] ?? [PUBLIC])];
    },
    connect: through([ca, ...(ownCa ? [ownCa] : [])]),
    connectAsPublic: through([ca]),
  };
}

/** A CA with an intermediate, by openssl. */
export class Certificates {
  readonly #files = mkdtempSync(join(tmpdir(), 'drawbridge-doctor-'));

  constructor() {
    this.#openssl('req', '-x509', ...newKey, '-days', '9', '-subj', '/CN=root', '-keyout', this.#at('root.key'), '-out', this.#at('root.pem'));
    this.#sign('intermediate', 'root', 'basicConstraints=critical,CA:true', 9);
  }

  /** PEM of the root. */
  get ca(): string {
    return this.#read('root.pem');
  }

  /** @param days how long it is valid; negative where it has ended. @param isWhole whether the intermediate is in the chain */
  issue(name: string, { days = 9, isWhole = true } = {}): { key: string; cert: string } {
    this.#sign(name, 'intermediate', `subjectAltName=DNS:${name}`, days);
    return { key: this.#read(`${name}.key`), cert: this.#read(`${name}.pem`) + (isWhole ? this.#read('intermediate.pem') : '') };
  }

  remove(): void {
    rmSync(this.#files, { recursive: true });
  }

  #sign(name: string, issuer: string, extensions: string, days: number): void {
    writeFileSync(this.#at('extensions'), `${extensions}\n`);
    this.#openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', this.#at(`${name}.key`), '-out', this.#at('request'));
    this.#openssl('x509', '-req', '-in', this.#at('request'), '-CA', this.#at(`${issuer}.pem`), '-CAkey', this.#at(`${issuer}.key`), '-CAcreateserial', '-days', String(days), '-extfile', this.#at('extensions'), '-out', this.#at(`${name}.pem`));
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }

  #at = (name: string): string => join(this.#files, name);
  #read = (name: string): string => readFileSync(this.#at(name), 'utf8');
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
