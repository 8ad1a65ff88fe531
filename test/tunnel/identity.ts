import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

  /** One whose time was over years ago, and that is right but for that. */
  async issueExpired(name: string, names: readonly string[]): Promise<{ certificate: string; key: string }> {
    const [settings, request] = [this.#file('expired.cnf'), this.#file(`${name}.csr`)];
    const directory = this.#file('.');
    const section = ['[ca]', 'default_ca = own', '[own]', `new_certs_dir = ${directory}`, `database = ${directory}/index`, `serial = ${directory}/serial`, 'policy = any', 'default_md = sha256', '[any]', 'commonName = supplied', '[names]', `subjectAltName = ${names.join(',')}`];
    writeFileSync(settings, section.join('\n'));
    writeFileSync(this.#file('index'), '');
    writeFileSync(this.#file('serial'), '01');
    await run('openssl', ['req', '-new', ...key.slice(0, -2), '-subj', `/CN=${name}`, '-keyout', this.#file(`${name}.key`), '-out', request]);
    await run('openssl', ['ca', '-batch', '-notext', '-config', settings, '-extensions', 'names', '-cert', this.#file('ca.pem'), '-keyfile', this.#file('ca.key'), '-startdate', '20200101000000Z', '-enddate', '20200301000000Z', '-in', request, '-out', this.#file(`${name}.pem`)]);
    return { certificate: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  #file(name: string): string {
    return join(this.#directory, name);
  }

  #read(name: string): string {
    return readFileSync(this.#file(name), 'utf8');
  }
}
