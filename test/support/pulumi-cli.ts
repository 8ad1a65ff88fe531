import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import type { StackOutputs } from './outputs.ts';

const projectDirectory = join(import.meta.dirname, '../..');

/** The real Pulumi CLI with its real providers, for one stack on a backend in a temporary folder. */
export class PulumiCli {
  readonly #stack: string;
  readonly #directory: string;
  readonly #backend = mkdtempSync(join(tmpdir(), 'drawbridge-pulumi-'));

  private constructor(stack: string, directory: string) {
    this.#stack = stack;
    this.#directory = directory;
  }

  /** @param directory where the program is */
  static async create(stack: string, directory = projectDirectory): Promise<PulumiCli> {
    const pulumi = new PulumiCli(stack, directory);
    await pulumi.#run('stack', 'init', stack);
    return pulumi;
  }

  /** @param plain keys without their namespace; what was set before and is not among them goes, secrets but for `secrets` as well */
  async configure(plain: Readonly<Record<string, unknown>>, secrets: Readonly<Record<string, string>> = {}): Promise<void> {
    const { config: _, ...rest } = parse(readFileSync(this.#file, 'utf8')) as { config?: object };
    writeFileSync(this.#file, stringify({ ...rest, config: Object.fromEntries(Object.entries(plain).map(([key, value]) => [`drawbridge:${key}`, value])) }));
    for (const [name, value] of Object.entries(secrets)) await this.#onStack('config', 'set', '--secret', '--path', `drawbridge:secrets.${name}`, value);
  }

  /** @returns what it prints */
  up(): Promise<string> {
    return this.#onStack('up', '--yes', '--suppress-progress');
  }

  /** Brings the state to what there really is, and says what that changed. */
  refresh(): Promise<string> {
    return this.#onStack('refresh', '--yes', '--suppress-progress');
  }

  /** @throws Error where there is anything to do */
  expectNoChanges(): Promise<string> {
    return this.#onStack('preview', '--expect-no-changes');
  }

  async outputs(): Promise<StackOutputs> {
    return JSON.parse(await this.#onStack('stack', 'output', '--json', '--show-secrets')) as StackOutputs;
  }

  /** Destroys what there is and forgets the stack. */
  async remove(): Promise<void> {
    await this.#onStack('destroy', '--yes', '--suppress-progress');
    await this.#onStack('stack', 'rm', '--yes');
    rmSync(this.#file, { force: true });
    rmSync(this.#backend, { recursive: true });
  }

  get #file(): string {
    return join(this.#directory, `Pulumi.${this.#stack}.yaml`);
  }

  #onStack(...args: string[]): Promise<string> {
    return this.#run(...args, '--stack', this.#stack);
  }

  async #run(...args: string[]): Promise<string> {
    const env = { ...process.env, PULUMI_BACKEND_URL: `file://${this.#backend}`, PULUMI_CONFIG_PASSPHRASE: 'test', PULUMI_SKIP_UPDATE_CHECK: '1' };
    try {
      return (await promisify(execFile)('pulumi', [...args, '--non-interactive', '--cwd', this.#directory], { env, maxBuffer: 64 << 20 })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
      throw new Error([`pulumi ${args.slice(0, 2).join(' ')}: ${message.split('\n')[0]}`, stdout, stderr].join('\n'), { cause: error });
    }
  }
}
