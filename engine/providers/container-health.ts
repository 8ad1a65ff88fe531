import type { Container, ContainerInspectInfo } from 'dockerode';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../types.ts';
import type { ContainerInputs } from './container-spec.ts';
import { explain } from './docker.ts';
import type { Step } from './provider.ts';

/** How long a container that nobody waits for must stay up to count as started, in milliseconds. */
const settleTime = 500;
/** A container that was restarted this often does not come up by itself. */
const restartsTolerated = 3;

/**
 * Waits until a started container is healthy (`wait`), or has stayed up for a moment.
 * @throws EngineError with the exit code or the failed check, the last 20 log lines and the next step
 */
export async function waitUntilUp(handle: Container, inputs: ContainerInputs, step: Step): Promise<ContainerInspectInfo> {
  const started = Date.now();
  const timeout = (inputs.waitTimeout ?? 60) * 1000;
  for (;;) {
    const found = await handle.inspect().catch((error: unknown) => {
      throw explain(error);
    });
    const { State: state, RestartCount: restarts } = found;
    const exited = !state.Running || state.Restarting;
    if (exited && inputs.mustRun === false) return found;
    if (exited ? !inputs.wait || inputs.restart === undefined || inputs.restart === 'no' : false) throw await failure(handle, inputs, `the container ended at once with exit code ${state.ExitCode}`);
    if (restarts >= restartsTolerated) throw await failure(handle, inputs, `the container ends again and again, last with exit code ${state.ExitCode}`);
    if (inputs.wait) {
      const checks = state.Health?.Log ?? [];
      const last = checks.at(-1)?.Output?.trim();
      if (state.Health?.Status === 'healthy') return found;
      if (state.Health?.Status === 'unhealthy') throw await failure(handle, inputs, `the container is unhealthy; its check says: ${last || '(nothing)'}`);
      if (Date.now() - started > timeout) throw await failure(handle, inputs, `the container is not healthy after ${timeout / 1000} s; its check says: ${last || '(nothing yet)'}`);
    } else if (Date.now() - started >= settleTime) {
      return found;
    }
    if (step.signal.aborted) throw new EngineError('cancelled');
    await sleep(150);
  }
}

async function failure(handle: Container, inputs: ContainerInputs, what: string): Promise<EngineError> {
  const log = await lastLines(handle, 20);
  return new EngineError(`${what}.\n${log ? `Its last log lines:\n${log}` : 'Its log is empty.'}\nSee more with: docker logs ${inputs.name}`);
}

async function lastLines(handle: Container, count: number): Promise<string> {
  try {
    const raw = await handle.logs({ stdout: true, stderr: true, tail: count, follow: false });
    return withoutFrames(raw).trimEnd();
  } catch {
    // A log driver that cannot be read.
    return '';
  }
}

/** Docker puts an 8-byte header before each piece of output: the stream, three zeros, the length. */
function withoutFrames(raw: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString('utf8');
}
