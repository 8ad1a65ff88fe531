// As much of the tar format (POSIX.1-1988, ustar) as a backup needs: plain files with short names.

const BLOCK = 512;
/** Several times what a backup puts into one file: a forged one must not fill the memory. */
const LARGEST = 64 * 1024 * 1024;
const padding = (bytes: number) => (BLOCK - (bytes % BLOCK)) % BLOCK;

/** One file of a tar. */
export function tarEntry(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o600, 7), 100);
  header.write(octal(0, 7) + octal(0, 7), 108);
  header.write(octal(content.length, 11) + octal(0, 11), 124);
  // The sum is taken with blanks in its own place.
  header.write('        0', 148);
  header.write('ustar\0' + '00', 257);
  header.write(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)} `, 148);
  return Buffer.concat([header, content, Buffer.alloc(padding(content.length))]);
}

export const tarEnd = Buffer.alloc(2 * BLOCK);

/** The files of a tar, each held in memory while it is looked at. @throws Error where it ends too early or is none */
export async function* tarEntries(stream: AsyncIterable<Uint8Array>): AsyncGenerator<{ name: string; content: Buffer }> {
  let held: Buffer[] = [];
  let length = 0;
  const source = stream[Symbol.asyncIterator]();
  const take = async (bytes: number): Promise<Buffer> => {
    while (length < bytes) {
      const { value, done } = await source.next();
      if (done) throw new Error('it ends too early');
      held.push(Buffer.from(value.buffer, value.byteOffset, value.length));
      length += value.length;
    }
    const all = Buffer.concat(held);
    held = [all.subarray(bytes)];
    length -= bytes;
    return all.subarray(0, bytes);
  };
  for (;;) {
    const header = await take(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    if (header.toString('latin1', 257, 262) !== 'ustar') throw new Error('what is encrypted in it is no tar');
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8);
    if (!(size <= LARGEST)) throw new Error('it holds a file that is too long');
    const content = await take(size + padding(size));
    yield { name: header.toString('utf8', 0, 100).replace(/\0.*$/s, ''), content: content.subarray(0, size) };
  }
  // The end of what is encrypted is authenticated too, once it is read.
  while (!(await source.next()).done);
}
