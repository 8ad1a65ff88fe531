import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../images/command.ts';
import { baseImage } from '../hosts/stand-ins.ts';
import { addresses, authority, directory } from './internet.ts';

const name = 'acme-ca';

/** An ACME CA on the internet of a machine apart, which looks for the proofs of names in their DNS: Pebble. */
export class TestCa {
  /** The root of what it issues (PEM). */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async start(): Promise<TestCa> {
    const files = join(directory(), 'acme');
    mkdirSync(files, { recursive: true });
    const { certificate, key } = await authority().issue('acme', [`IP:${addresses.acme}`]);
    const pebble = { listenAddress: '0.0.0.0:14000', managementListenAddress: '0.0.0.0:15000', certificate: '/acme/certificate.pem', privateKey: '/acme/key.pem', httpPort: 80, tlsPort: 443 };
    for (const [file, content] of Object.entries({ 'pebble.json': JSON.stringify({ pebble }), 'certificate.pem': certificate, 'key.pem': key })) writeFileSync(join(files, file), content);
    const settings = ['PEBBLE_VA_NOSLEEP=1', 'PEBBLE_WFE_NONCEREJECT=0'].flatMap((setting) => ['--env', setting]);
    await run('docker', ['run', '--detach', '--name', name, '--network', 'host', ...settings, '--volume', `${files}:/acme:ro`, '--entrypoint', '/app', await baseImage('pebble'), '-config', '/acme/pebble.json', '-dnsserver', `${addresses.resolver}:53`]);
    for (let tries = 0; ; tries += 1, await sleep(200)) {
      const answer = await fetch(`https://${addresses.acme}:15000/roots/0`).catch((error: unknown) => {
        if (tries > 50) throw error;
      });
      if (answer) return new TestCa(await answer.text());
    }
  }

  async stop(): Promise<void> {
    await run('docker', ['rm', '--force', name]);
  }
}
