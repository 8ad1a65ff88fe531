import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { baseImage, type Run, logs } from './proxy-containers.ts';
import type { FrontFixture } from './proxy-front.ts';

/** A real Pebble in the network of a front, and the container that gets certificates from it. */
export class CaFixture {
  readonly #front: FrontFixture;
  readonly #directory = mkdtempSync(join(tmpdir(), 'drawbridge-proxytest-'));
  pebble!: Docker.Container;
  certificates!: Docker.Container;
  /** The volume of the ACME account. */
  acme = '';

  constructor(front: FrontFixture) {
    this.#front = front;
  }

  /**
   * @param lifetime of its certificates, in seconds
   * @param differing in its container
   * @param binds further ones
   */
  async startPebble(lifetime: number, differing: Partial<Run> = {}, binds: string[] = []): Promise<void> {
    const configuration = JSON.parse(readFileSync('proxy/pebble.json', 'utf8')) as { pebble: { certificateValidityPeriod: number; profiles: { default: { validityPeriod: number } } } };
    configuration.pebble.certificateValidityPeriod = configuration.pebble.profiles.default.validityPeriod = lifetime;
    writeFileSync(join(this.#directory, 'pebble.json'), JSON.stringify(configuration), { mode: 0o644 });
    this.pebble = await this.#front.containers.run({
      image: await this.#front.containers.build('proxy/pebble.Dockerfile', { BASE: await baseImage('pebble'), TOOLS: await baseImage('nginx') }),
      network: `container:${this.#front.front.id}`,
      user: '65534:65534',
      // Valid authorizations are not reused: each renewal has to pass its challenge.
      env: { PEBBLE_AUTHZREUSE: '0' },
      binds: [`${join(this.#directory, 'pebble.json')}:/pebble.json:ro`, ...binds],
      ...differing,
    });
  }

  async startCertificates(env: Record<string, string> = {}, binds: string[] = []): Promise<void> {
    const { containers, certificates } = this.#front;
    this.acme ||= await containers.volume('acme');
    this.certificates = await containers.run({
      image: await containers.build('proxy/certificates.Dockerfile', { BASE: await baseImage('certbot') }),
      network: await containers.network(),
      user: '101:0',
      env: { ACME_DIRECTORY: 'https://front:14000/dir', THROWAWAY_CA_ROOT: 'https://front:15000/roots/0', NAMES: 'localhost', RETRY_SECONDS: '1', ...env },
      tmpfs: { '/tmp': '' },
      binds: [`${certificates}:/certificates`, `${this.acme}:/acme`, ...binds],
    });
  }

  /** What it has logged of one kind. */
  async events(event: string): Promise<Record<string, string>[]> {
    const lines = (await logs(this.certificates)).split('\n').filter((line) => line.includes(`"${event}"`));
    return lines.map((line) => JSON.parse(line) as Record<string, string>);
  }

  /** A file as the front finds it. */
  published(name: string): Promise<string> {
    return this.#front.onCertificates(`cat /certificates/live/${name}`);
  }

  /** The names of its accounts at the CA, a line each. */
  accounts(): Promise<string> {
    return this.onAcme('ls -d /acme/accounts/*/*/* | xargs -n 1 basename');
  }

  /** What a shell command prints that sees the account and what it was issued. */
  async onAcme(script: string): Promise<string> {
    const { Image: image } = await this.certificates.inspect();
    return this.#front.containers.once({ image, network: 'none', user: '101:0', entrypoint: ['sh', '-euc', script], binds: [`${this.acme}:/acme`] });
  }

  async remove(): Promise<void> {
    await this.#front.containers.remove();
    rmSync(this.#directory, { recursive: true });
  }
}
