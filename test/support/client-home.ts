import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outputs } from './outputs.ts';

/** The home of a client that runs as a process of its own: empty, but for the CA of the stack, which it trusts. */
export class ClientHome {
  readonly path = mkdtempSync(join(tmpdir(), 'drawbridge-client-'));
  readonly environment: Record<string, string>;

  constructor() {
    const certificate = join(this.path, 'ca.pem');
    writeFileSync(certificate, outputs.caCertificate);
    this.environment = { PATH: process.env.PATH!, HOME: this.path, NODE_EXTRA_CA_CERTS: certificate };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
