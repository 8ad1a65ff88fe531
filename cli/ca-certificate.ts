import { connect } from './docker.ts';
import { execute } from './execute.ts';
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
    const { code, stdout } = await execute(docker.getContainer(objectName(stack, 'front')), ['cat', PATH]);
    return code === 0 ? stdout : undefined;
  } catch (error) {
    // 404: no such container; 409: it does not run. No engine at all: nothing runs either.
    const { statusCode, code } = error as NodeJS.ErrnoException & { statusCode?: number };
    if (statusCode === 404 || statusCode === 409 || code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
}
