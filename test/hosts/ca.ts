import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../images/command.ts';
import { Lab } from './lab.ts';
import { inNamespace } from './namespace.ts';
import { baseImage } from './stand-ins.ts';

/** An ACME CA on the lab's internet: Pebble. */
export class TestCa {
  static readonly directory = `https://${Lab.outside.v4}:14000/dir`;
  readonly #lab: Lab;
  readonly #files: string;
  #pebble?: ChildProcess;

  private constructor(lab: Lab) {
    this.#lab = lab;
    this.#files = join(lab.directory, 'ca');
  }

  static async start(lab: Lab): Promise<TestCa> {
    const ca = new TestCa(lab);
    mkdirSync(ca.#files);
    await ca.#makeIdentity();
    await ca.#takePebble();
    const log = join(ca.#files, 'log');
    const script = `mount --make-rprivate / && mount --bind ${ca.#files} ${lab.rootfs}/mnt && mount --bind ${lab.names} ${lab.rootfs}/etc/hosts && exec chroot ${lab.rootfs} /mnt/pebble -config /mnt/pebble.json >${log} 2>&1`;
    ca.#pebble = spawn('nsenter', [...inNamespace(lab.namespace('outside')), 'unshare', '--mount', 'env', 'PEBBLE_VA_NOSLEEP=1', 'PEBBLE_WFE_NONCEREJECT=0', 'sh', '-c', script], { stdio: 'ignore' });
    for (let attempt = 0; attempt < 50; attempt += 1, await sleep(100)) if (await ca.root().then(() => true, () => false)) return ca;
    throw new Error(`Pebble did not start:\n${readFileSync(log, 'utf8')}`);
  }

  /** The certificate of who signs for Pebble's own address: what an ACME client has to trust. */
  get trust(): string {
    return readFileSync(join(this.#files, 'trust.pem'), 'utf8');
  }

  /** The root of what it issues (PEM). */
  root(): Promise<string> {
    return this.#lab.run('outside', 'curl', ['--silent', '--fail', '--insecure', `https://${Lab.outside.v4}:15000/roots/0`]);
  }

  async stop(): Promise<void> {
    if (this.#pebble?.kill('SIGKILL')) await once(this.#pebble, 'exit');
  }

  async #makeIdentity(): Promise<void> {
    const file = (name: string) => join(this.#files, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7'];
    await run('openssl', ['req', '-x509', ...key, '-subj', '/CN=Lab', '-keyout', file('trust.key'), '-out', file('trust.pem')]);
    await run('openssl', ['req', '-x509', ...key, '-subj', '/CN=acme', '-addext', `subjectAltName=IP:${Lab.outside.v4}`, '-addext', 'basicConstraints=CA:FALSE', '-CA', file('trust.pem'), '-CAkey', file('trust.key'), '-keyout', file('key.pem'), '-out', file('certificate.pem')]);
    const pebble = { listenAddress: '0.0.0.0:14000', managementListenAddress: '0.0.0.0:15000', certificate: '/mnt/certificate.pem', privateKey: '/mnt/key.pem', httpPort: 80, tlsPort: 443 };
    writeFileSync(file('pebble.json'), JSON.stringify({ pebble }));
  }

  /** The program, out of the image that the local profile has it in. */
  async #takePebble(): Promise<void> {
    const id = (await run('docker', ['create', await baseImage('pebble')])).trim();
    try {
      await run('docker', ['cp', '--follow-link', `${id}:/app`, join(this.#files, 'pebble')]);
    } finally {
      await run('docker', ['rm', id]);
    }
  }
}
