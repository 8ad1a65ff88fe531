import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../images/command.ts';

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7'];

/** A CA for what is simulated, in files of a directory: PEM. */
export class Authority {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(directory: string): Promise<Authority> {
    mkdirSync(directory, { recursive: true });
    const authority = new Authority(directory);
    await run('openssl', ['req', '-x509', ...key, '-subj', '/CN=Simulation', '-keyout', authority.#file('ca.key'), '-out', authority.#file('ca.pem')]);
    return authority;
  }

  /** One that was created before. */
  static in(directory: string): Authority {
    return new Authority(directory);
  }

  get certificate(): string {
    return this.#read('ca.pem');
  }

  /** @param names as a certificate has them: `DNS:example.test`, `IP:192.0.2.1` */
  async issue(name: string, names: readonly string[]): Promise<{ certificate: string; key: string }> {
    const extensions = [`subjectAltName=${names.join(',')}`, 'basicConstraints=CA:FALSE'].flatMap((extension) => ['-addext', extension]);
    await run('openssl', ['req', '-x509', ...key, '-subj', `/CN=${name}`, ...extensions, '-CA', this.#file('ca.pem'), '-CAkey', this.#file('ca.key'), '-keyout', this.#file(`${name}.key`), '-out', this.#file(`${name}.pem`)]);
    return { certificate: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #read(name: string): string {
    return readFileSync(this.#file(name), 'utf8');
  }
}
