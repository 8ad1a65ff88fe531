import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Clone } from '../hosts/clone.ts';

/** A person with a fresh clone and the Pulumi CLI, who types what the README says, and agrees to what is asked. */
export class Newcomer {
  readonly #clone = new Clone();
  /** Where Pulumi keeps the state, and what else is kept at home. */
  readonly home = mkdtempSync(join(tmpdir(), 'drawbridge-newcomer-'));

  constructor() {
    rmSync(join(this.directory, 'node_modules'));
  }

  get directory(): string {
    return this.#clone.directory;
  }

  /** @returns what is printed @throws Error with all of it where a command fails, which ends them */
  async type(commands: string, variables: Record<string, string> = {}): Promise<string> {
    const home = homedir();
    const env = { ...process.env, HOME: this.home, PULUMI_HOME: join(this.home, '.pulumi'), PULUMI_BACKEND_URL: `file://${this.home}`, NPM_CONFIG_USERCONFIG: join(home, '.npmrc'), NPM_CONFIG_CACHE: join(home, '.npm'), PULUMI_CONFIG_PASSPHRASE: 'test', PULUMI_SKIP_UPDATE_CHECK: '1', PULUMI_SKIP_CONFIRMATIONS: 'true', ...variables };
    try {
      return (await promisify(execFile)('bash', ['-euxc', commands], { cwd: this.directory, env, maxBuffer: 64 << 20 })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      throw new Error(`${stdout}\n${stderr}`, { cause: error });
    }
  }

  leave(): void {
    this.#clone.remove();
    rmSync(this.home, { recursive: true });
  }
}
