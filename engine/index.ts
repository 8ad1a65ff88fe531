import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { deleteEntries } from './deletion.ts';
import { Deployment } from './deployment.ts';
import { takeLock } from './lock.ts';
import { serveMonitor } from './monitor.ts';
import { loadProject } from './project.ts';
import { runProgram } from './program.ts';
import { Masker, Vault } from './secrets.ts';
import { State, type Entry } from './state.ts';
import { learnSecrets, Run } from './steps.ts';
import { EngineError, messageOf, type Outcome, type StackOptions } from './types.ts';
import { hasSecret, revealAll, Secret, unknown, type Value, type Values } from './values.ts';

export type { Difference } from './differences.ts';
export { EngineError, type Action, type EngineEvent, type Outcome, type StackOptions, type Wanted } from './types.ts';

/**
 * Runs the program and brings the stack to what it describes.
 * @throws EngineError when something failed: what, why and what to do. Steps that were done stay done
 */
export function up(options: StackOptions): Promise<Outcome> {
  return withLock(options, () => deploy(options, false));
}

/** What `up` would do. Touches nothing; outputs that only `up` will know read `(known after up)`. */
export function preview(options: StackOptions): Promise<Outcome> {
  return deploy(options, true);
}

/**
 * Deletes everything the stack has made, its state last. Without a state there is nothing to do.
 * @throws EngineError naming each protected resource, before anything is touched
 */
export function down(options: StackOptions): Promise<Outcome> {
  return withLock(options, async () => {
    const started = Date.now();
    const run = open(options, false, options.projectDirectory);
    const entries = run.state.entries();
    const kept = entries.filter((entry) => entry.protect);
    if (kept.length > 0) throw new EngineError(protectedText(kept, revealAll(run.state.stack()?.outputs ?? {})['backup']));
    await deleteEntries(run, entries);
    conclude(run);
    for (const file of [statePath(options), keyPath(options)]) rmSync(file, { force: true });
    return { changes: run.changes, outputs: {}, secretOutputs: [], seconds: seconds(started), wanted: [] };
  });
}

/** The outputs of the last `up` that succeeded, secrets in plain text. Undefined where there is no such stack. */
export async function outputs(options: StackOptions): Promise<Pick<Outcome, 'outputs' | 'secretOutputs'> | undefined> {
  if (!existsSync(statePath(options))) return undefined;
  const { state } = open(options, true, options.projectDirectory);
  return present(state.stack()?.outputs ?? {});
}

/** Whether a stack stands as an `up` left it that came to its end: it has outputs, and nothing was begun since and not seen to end. */
export function isWhole(options: StackOptions): boolean {
  if (!existsSync(statePath(options))) return false;
  const { state } = open(options, true, options.projectDirectory);
  return Object.keys(state.stack()?.outputs ?? {}).length > 0 && state.entries().every(({ pending, condemned }) => !pending && !condemned);
}

/** The Docker engines that a stack's resources are on, as DOCKER_HOST; undefined among them is the one of the environment. */
export function machines(options: StackOptions): (string | undefined)[] {
  const docker = open(options, true, options.projectDirectory).state.entries().filter(({ type }) => type.startsWith('docker:'));
  return [...new Set(docker.map(({ machine }) => machine))];
}

async function deploy(options: StackOptions, isPreview: boolean): Promise<Outcome> {
  const started = Date.now();
  const project = loadProject({ ...options, projectDirectory: resolve(options.projectDirectory) });
  const run = open(options, isPreview, project.directory);
  for (const secret of project.secrets) run.masker.learn(new Secret(secret as Value));
  const deployment = new Deployment(run);
  let completed = false;
  const giveUp = new AbortController();
  const monitor = await serveMonitor(project.name, options.stack, {
    register: (registration) => deployment.register(registration),
    registerOutputs: (urn, values) => deployment.registerOutputs(urn, values),
    invoke: (invocation) => deployment.invoke(invocation),
    readStack: (reference) => readStack(options, reference, run.masker),
    refuse: (error) => {
      // A step that failed has been noted with its name already; everything after it is refused without a cause of its own.
      if (!run.stopped) run.fail(messageOf(error));
      // The program ends by itself, unless something of its own keeps it alive.
      void deployment.settled().then(() => setTimeout(() => giveUp.abort(), gracePeriod).unref());
    },
    log: (severity, message) => {
      // What the program says once a step has failed is about the engine that no longer answers it.
      if (run.stopped) return;
      run.emit({ kind: 'log', severity, message });
      if (severity === 'error') run.fail(withoutStack(message));
    },
    completed: () => {
      completed = true;
    },
  });
  try {
    const printed: string[] = [];
    const exit = await runProgram({
      project,
      stack: options.stack,
      address: monitor.address,
      preview: isPreview,
      signal: AbortSignal.any([run.signal, giveUp.signal]),
      onLine: (line) => {
        printed.push(line);
        if (!run.stopped) run.emit({ kind: 'log', severity: 'info', message: line });
      },
    });
    await deployment.settled();
    // Only a program that says so has registered all it wants: anything else must not lead to deletions.
    if (!run.stopped && (exit !== 0 || !completed)) run.fail(`The program ended with ${exit} before it was done.${printed.length > 0 ? `\n${printed.slice(-20).join('\n')}` : ''}`);
    if (!run.stopped) await deployment.finish();
  } finally {
    monitor.close();
  }
  if (!isPreview && (run.failures.length === 0 || run.state.entries().some((entry) => entry.custom))) run.state.save();
  conclude(run);
  return { changes: run.changes, ...present(deployment.stackOutputs ?? {}), seconds: seconds(started), wanted: deployment.wanted };
}

/** What a StackReference has of a stack of the same project and state directory. @throws EngineError where there is none */
function readStack(options: StackOptions, reference: string, masker: Masker): Values {
  const stack = reference.split('/').at(-1)!;
  if (!existsSync(statePath({ ...options, stack }))) throw new EngineError(`There is no stack ${stack} in ${options.stateDirectory}. Stand it up first.`);
  const outputs = open({ ...options, stack }, true, options.projectDirectory).state.stack()?.outputs ?? {};
  masker.learn(outputs);
  return { name: reference, outputs, secretOutputNames: Object.keys(outputs).filter((key) => hasSecret(outputs[key]!)) };
}

function open(options: StackOptions, isPreview: boolean, directory: string): Run {
  const masker = new Masker();
  const state = new State(statePath(options), new Vault(keyPath(options)));
  for (const entry of state.entries()) learnSecrets(masker, entry);
  return new Run({
    state,
    masker,
    signal: options.signal ?? new AbortController().signal,
    preview: isPreview,
    refresh: options.refresh,
    directory,
    onEvent: options.onEvent ?? (() => {}),
  });
}

/** How long the program may take to end after a failure, in milliseconds. */
const gracePeriod = 5000;

/** @throws EngineError with all that failed in a run */
function conclude(run: Run): void {
  if (run.signal.aborted) throw new EngineError('Cancelled. What was done is recorded: the same command goes on from there, and down removes it.');
  if (run.failures.length > 0) throw new EngineError(run.failures.join('\n'));
}

async function withLock<T>(options: StackOptions, work: () => Promise<T>): Promise<T> {
  const release = takeLock(join(options.stateDirectory, `${options.stack}.lock`));
  try {
    return await work();
  } finally {
    release();
  }
}

/** @param backup the program's output of that name, where it has one: the command that saves what they hold */
function protectedText(kept: readonly Entry[], backup: unknown): string {
  const names = kept.map((entry) => (typeof entry.inputs['name'] === 'string' ? `${entry.name} (${entry.inputs['name']})` : entry.name));
  return [
    `Nothing was deleted, since these are protected: ${names.join(', ')}.`,
    `Back up what they hold${typeof backup === 'string' ? `: ${backup}` : '.'}`,
    'Then take the protection off (set protect to false in the program, and run up), and run down again.',
  ].join('\n');
}

const statePath = (options: StackOptions): string => join(options.stateDirectory, `${options.stack}.json`);
const keyPath = (options: StackOptions): string => join(options.stateDirectory, `${options.stack}.key`);
const seconds = (started: number): number => (Date.now() - started) / 1000;

function present(values: Values): Pick<Outcome, 'outputs' | 'secretOutputs'> {
  return {
    outputs: settle(revealAll(values)) as Outcome['outputs'],
    secretOutputs: Object.keys(values).filter((key) => hasSecret(values[key]!)),
  };
}

/** Puts words in the place of what only an `up` will know. */
function settle(value: unknown): unknown {
  if (value === unknown) return '(known after up)';
  if (Array.isArray(value)) return value.map(settle);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, settle(field)]));
}

/** An unhandled exception's message, without the SDK's introduction and the stack frames. */
const withoutStack = (message: string): string =>
  message.replace(/^Running program '.*' failed with an unhandled exception:\n/, '').split('\n').filter((line) => !/^\s+at /.test(line)).join('\n').trim();
