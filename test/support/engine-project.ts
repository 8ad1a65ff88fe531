import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import * as engine from '../../engine/index.ts';
import type { Action, EngineEvent, Outcome, StackOptions } from '../../engine/index.ts';
import { killedRun } from './killed-run.ts';

/** A Pulumi project of one file in a directory of its own, and the engine's verbs on its stack `dev`. */
export class TinyProject {
  readonly directory = mkdtempSync(join(tmpdir(), 'drawbridge-engine-'));
  readonly stateDirectory = join(this.directory, '.state');
  readonly statePath = join(this.stateDirectory, 'dev.json');
  /** Of the last run. */
  events: EngineEvent[] = [];

  constructor(program: string) {
    symlinkSync(resolve(import.meta.dirname, '../../node_modules'), join(this.directory, 'node_modules'));
    this.write('package.json', '{"type":"module"}');
    this.write('Pulumi.yaml', 'name: tiny\nruntime: {name: nodejs, options: {typescript: false}}\nmain: index.ts\n');
    this.program(program);
    onTestFinished(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** Sets the program's body; the Pulumi packages, `log` (a file the commands append to) and `say` are there. */
  program(body: string): void {
    const names = [...body.matchAll(/export const (\w+)/g)].length;
    this.write(
      'index.ts',
      `import * as pulumi from '@pulumi/pulumi';
import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as random from '@pulumi/random';
${body.includes('cloudflare.') ? `import * as cloudflare from '@pulumi/cloudflare';` : ''}
const { Command } = command.local;
/** A command that writes a word to the log. */
const say = (word: string) => 'echo ' + word + ' >> ${this.path('log')}; echo ' + word;
void [pulumi, docker, random, Command, say];
${body}
${names === 0 ? 'export {};' : ''}
`,
    );
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, content: string): void {
    writeFileSync(this.path(name), content);
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** What the commands of all runs have said so far, in order. */
  get said(): string[] {
    return this.has('log') ? readFileSync(this.path('log'), 'utf8').trim().split('\n') : [];
  }

  get state(): string {
    return readFileSync(this.statePath, 'utf8');
  }

  up = (options?: Partial<StackOptions>): Promise<Outcome> => this.#run(engine.up, options);
  preview = (options?: Partial<StackOptions>): Promise<Outcome> => this.#run(engine.preview, options);
  down = (options?: Partial<StackOptions>): Promise<Outcome> => this.#run(engine.down, options);
  outputs = () => this.#run(engine.outputs);

  /** The error that a run ends with. */
  async failure(run: Promise<unknown>): Promise<string> {
    try {
      await run;
    } catch (error) {
      if (error instanceof engine.EngineError) return error.message;
      throw error;
    }
    throw new Error('the run did not fail');
  }

  /** `name:action` of the steps of the last run, in the order they began. */
  get steps(): string[] {
    return this.events.flatMap((event) => (event.kind === 'started' ? [`${event.name}:${event.action}`] : []));
  }

  /** What the last run decided for a resource. */
  decision(name: string): { action: Action; reason?: string } | undefined {
    const found = this.events.find((event) => (event.kind === 'finished' || event.kind === 'planned') && event.name === name);
    return found && 'reason' in found ? { action: found.action, reason: found.reason } : undefined;
  }

  /** Starts a verb in a process of its own and kills that with SIGKILL at the first event that `when` accepts. */
  async killed(verb: 'up' | 'down', when: (event: EngineEvent) => boolean): Promise<void> {
    await killedRun(verb, this.#options, when);
  }

  #run<T>(verb: (options: StackOptions) => Promise<T>, options?: Partial<StackOptions>): Promise<T> {
    this.events = [];
    return verb({ ...this.#options, onEvent: (event) => this.events.push(event), ...options });
  }

  get #options(): StackOptions {
    return { projectDirectory: this.directory, stack: 'dev', stateDirectory: this.stateDirectory };
  }
}
