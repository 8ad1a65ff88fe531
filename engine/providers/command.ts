import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { EngineError, messageOf } from '../types.ts';
import type { Plain } from '../values.ts';
import type { Provider, Recorded, Step } from './provider.ts';

const inArguments = 'it would be visible to every user in the process arguments. Pass it in environment or stdin';

/** Runs a command on this machine when the resource is created, changed (`update`, else `create` again) or deleted. */
export const command: Provider = {
  inputs: ['addPreviousOutputInEnv', 'create', 'delete', 'dir', 'environment', 'interpreter', 'logging', 'stdin', 'triggers', 'update'],
  required: [],
  replaceOn: ['triggers'],
  exclusiveName: false,
  derivedOutputs: ['stdout', 'stderr'],
  neverSecret: { create: inArguments, update: inArguments, delete: inArguments, interpreter: inArguments },
  create: async (inputs, step) => ({ id: randomUUID(), outputs: await run(inputs['create'], inputs, {}, step) }),
  update: async (old, inputs, step) => ({
    id: old.id ?? randomUUID(),
    outputs: await run(inputs['update'] ?? inputs['create'], inputs, old.outputs, step),
  }),
  remove: async (old: Recorded, step) => {
    try {
      await run(old.inputs['delete'], old.inputs, old.outputs, step);
    } catch (error) {
      // An interrupted create may have done something or nothing: undoing it may fail.
      if (old.id !== undefined) throw error;
      step.progress(`nothing was undone: ${messageOf(error)}`);
    }
  },
};

/** @throws EngineError with the exit code and the end of what the command printed */
async function run(script: unknown, inputs: Plain, previous: Plain, step: Step): Promise<Plain> {
  if (typeof script !== 'string' || script === '') return previous;
  const [program = '/bin/sh', ...args] = (inputs['interpreter'] as string[] | undefined) ?? ['/bin/sh', '-c'];
  const child = spawn(program, [...args, script], {
    cwd: resolve(step.directory, (inputs['dir'] as string | undefined) ?? ''),
    env: { ...process.env, ...(inputs['environment'] as Record<string, string> | undefined), ...previousOutput(inputs, previous) },
    // A process group of its own, so that a cancelled command takes its children along.
    detached: true,
  });
  const stop = () => child.pid && process.kill(-child.pid, 'SIGKILL');
  step.signal.addEventListener('abort', stop, { once: true });
  // The command may end without reading its input.
  child.stdin.on('error', () => {}).end((inputs['stdin'] as string | undefined) ?? '');
  const logged = ((inputs['logging'] as string | undefined) ?? 'stdoutAndStderr').toLowerCase();
  const isShown = (name: string) => logged.includes(name) && !step.secretOutputs.includes(name);
  const read = (stream: NodeJS.ReadableStream, name: string) => {
    if (isShown(name)) createInterface({ input: stream.pipe(new PassThrough()) }).on('line', step.progress);
    return text(stream);
  };
  try {
    const [stdout, stderr, code] = await Promise.all([
      read(child.stdout, 'stdout'),
      read(child.stderr, 'stderr'),
      new Promise<number | string | null>((done, failed) => child.once('error', failed).once('close', (exit, signal) => done(exit ?? signal))),
    ]);
    if (code !== 0) {
      const end = ((isShown('stderr') && stderr.trim()) || (isShown('stdout') && stdout.trim()) || '').split('\n').slice(-10).join('\n');
      throw new EngineError(`the command ended with ${code}${end && `:\n${end}`}`);
    }
    return { stdout: stdout.replace(/\n$/, ''), stderr: stderr.replace(/\n$/, '') };
  } finally {
    step.signal.removeEventListener('abort', stop);
  }
}

function previousOutput(inputs: Plain, previous: Plain): Record<string, string> {
  if (inputs['addPreviousOutputInEnv'] === false || typeof previous['stdout'] !== 'string') return {};
  return { PULUMI_COMMAND_STDOUT: previous['stdout'], PULUMI_COMMAND_STDERR: String(previous['stderr'] ?? '') };
}
