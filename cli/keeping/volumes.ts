import { dockerStream, dockerText } from './process.ts';
import { type DataVolume, startHealthy } from './stack.ts';
import { objectName, stackLabel } from '../stack-name.ts';

/** The files of a volume as a tar, with their owners. Whoever writes to it meanwhile goes on. */
export const readVolume = ({ engine, container, path }: DataVolume): AsyncIterable<Uint8Array> => dockerStream(engine, ['cp', `${container}:${path}`, '-']);

/**
 * Replaces all that is in a volume, while the container that uses it stands still. A container of its image does it as root, without
 * a network, since the files belong to several users. A run that was killed in here is repeated as a whole.
 */
export async function replaceVolume(stack: string, { role, engine, container, path }: DataVolume, content: AsyncIterable<Uint8Array>): Promise<void> {
  const helper = objectName(stack, 'restore');
  const volume = objectName(stack, role);
  await dockerText(engine, ['rm', '--force', helper]);
  await dockerText(engine, ['stop', '-t', '30', container]);
  try {
    const image = await dockerText(engine, ['inspect', '--format', '{{.Image}}', container]);
    const empty = `find "$0" -mindepth 1 -delete`;
    const confined = ['--user', '0:0', '--network', 'none', '--cap-drop', 'ALL', '--cap-add', 'DAC_OVERRIDE', '--security-opt', 'no-new-privileges'];
    await dockerText(engine, ['run', '--name', helper, '--label', stackLabel(stack), ...confined, '--volume', `${volume}:${path}`, '--entrypoint', 'sh', image, '-c', empty, path]);
    // As they are in the tar: with --archive they would all be given to the helper's user.
    await dockerText(engine, ['cp', '-', `${helper}:${path.slice(0, path.lastIndexOf('/')) || '/'}`], content);
  } finally {
    await dockerText(engine, ['rm', '--force', helper]);
  }
  await startHealthy({ engine, container });
}
