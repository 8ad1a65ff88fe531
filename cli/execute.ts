import type { Container } from 'dockerode';

export interface Executed {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program in a container that runs, to its end. */
export async function execute(container: Container, command: string[], environment: Record<string, string> = {}): Promise<Executed> {
  const exec = await container.exec({ Cmd: command, Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`), AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const { ExitCode } = await exec.inspect();
  return { code: ExitCode ?? 1, ...streamsOf(Buffer.concat(chunks)) };
}

/** Docker sends both streams in frames: a byte that tells which (1 is stdout), three zeros, the length, the text. */
export function streamsOf(frames: Buffer): { stdout: string; stderr: string } {
  const streams: Record<number, Buffer[]> = {};
  for (let at = 0; at + 8 <= frames.length; ) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    (streams[frames[at]!] ??= []).push(frames.subarray(at + 8, end));
    at = end;
  }
  const textOf = (stream: number) => Buffer.concat(streams[stream] ?? []).toString();
  return { stdout: textOf(1), stderr: textOf(2) };
}
