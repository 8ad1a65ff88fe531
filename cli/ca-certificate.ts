import { connect } from './docker.ts';
import { objectName } from './stack-name.ts';

/** Where the front finds the root of a private CA; the file is absent where the CA is publicly trusted. */
const PATH = '/certificates/live/ca.pem';

/**
 * The certificate (PEM) of the CA behind a stack's front, read from the running front: a local CA makes a new root at each
 * start, so one that was kept would be wrong.
 * @returns undefined where the CA is publicly trusted or the front does not run
 */
export async function readCaCertificate(stack: string): Promise<string | undefined> {
  const docker = await connect();
  try {
    const exec = await docker.getContainer(objectName(stack, 'front')).exec({ Cmd: ['cat', PATH], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const { ExitCode } = await exec.inspect();
    return ExitCode === 0 ? stdoutOf(Buffer.concat(chunks)) : undefined;
  } catch (error) {
    // 404: no such container; 409: it does not run. No engine at all: nothing runs either.
    const { statusCode, code } = error as NodeJS.ErrnoException & { statusCode?: number };
    if (statusCode === 404 || statusCode === 409 || code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}

/** Docker sends both streams in frames: a byte that tells which (1 is stdout), three zeros, the length, the text. */
function stdoutOf(frames: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= frames.length; ) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    if (frames[at] === 1) text += frames.toString('utf8', at + 8, end);
    at = end;
  }
  return text;
}
