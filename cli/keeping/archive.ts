import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { Decrypter, Encrypter } from 'age-encryption';
import { CommandError } from '../errors.ts';
import { type Contents, contents, type Part } from './contents.ts';
import { tarEnd, tarEntries, tarEntry } from './tar.ts';

// A backup is a tar in an age file (https://age-encryption.org/v1), so that it can be read without Drawbridge too:
// `age --decrypt FILE | tar x`, then `cat database/* > database.dump`. The length of a dump is not known while it is taken, and a
// tar wants it first: hence the pieces.
const PIECE = 4 * 1024 * 1024;
const CONTENTS = 'contents.json';

export interface Source extends Pick<Part, 'name' | 'kind'> {
  read(): AsyncIterable<Uint8Array>;
}
export type Facts = Omit<Contents, 'format' | 'parts'>;

/** The bytes of a backup. @param onPart called with each part that is through */
export async function* write(sources: readonly Source[], facts: Facts, encrypting: Encrypter, onPart: (part: Part) => void): AsyncGenerator<Uint8Array> {
  const plain = Readable.toWeb(Readable.from(tar(sources, facts, onPart))) as ReadableStream<Uint8Array>;
  yield* (await encrypting.encrypt(plain)) as unknown as AsyncIterable<Uint8Array>;
}

async function* tar(sources: readonly Source[], facts: Facts, onPart: (part: Part) => void): AsyncGenerator<Uint8Array> {
  const parts: Part[] = [];
  for (const { name, kind, read } of sources) {
    const hash = createHash('sha256');
    let [bytes, count] = [0, 0];
    for await (const piece of pieces(read())) {
      hash.update(piece);
      bytes += piece.length;
      yield tarEntry(`${name}/${String(count++).padStart(6, '0')}`, piece);
    }
    const part = { name, kind, bytes, sha256: hash.digest('hex') };
    parts.push(part);
    onPart(part);
  }
  const whole: Contents = { format: 1, ...facts, parts };
  yield tarEntry(CONTENTS, Buffer.from(`${JSON.stringify(whole, null, 2)}\n`));
  yield tarEnd;
}

/** At least one, so that a part without content is there all the same. */
async function* pieces(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let [held, length]: [Uint8Array[], number] = [[], 0];
  for await (const chunk of stream) {
    held.push(chunk);
    length += chunk.length;
    if (length < PIECE) continue;
    yield Buffer.concat(held);
    [held, length] = [[], 0];
  }
  yield Buffer.concat(held);
}

/** The parts of a backup, each to be read before the next; at the end what the backup says of itself. */
export async function* parts(file: string, decrypting: Decrypter): AsyncGenerator<{ name: string; content: AsyncIterable<Uint8Array> }, Contents> {
  const entries = entriesOf(file, decrypting);
  let entry = await entries.next();
  const partOf = () => (entry.done ? undefined : /^(.+)\/\d+$/.exec(entry.value.name)?.[1]);
  for (let name = partOf(); name; name = partOf()) {
    const of = name;
    const content = async function* () {
      for (; !entry.done && partOf() === of; entry = await entries.next()) yield entry.value.content;
    };
    yield { name, content: content() };
  }
  if (entry.done || entry.value.name !== CONTENTS) throw refused(file, 'it does not say what is in it');
  const whole = parse(file, entry.value.content.toString('utf8'));
  if (!(await entries.next()).done) throw refused(file, 'something follows its end');
  return whole;
}

async function* entriesOf(file: string, decrypting: Decrypter): ReturnType<typeof tarEntries> {
  const cipher = Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;
  try {
    yield* tarEntries((await decrypting.decrypt(cipher)) as unknown as AsyncIterable<Uint8Array>);
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CommandError(`There is no file ${file}.`);
    // The library's words for a passphrase or key that opens nothing.
    if (/no identity matched/.test(message)) throw new CommandError(`${file} does not open with this passphrase or key; nothing was touched.`, ['It is for another one, or its beginning is damaged.']);
    throw refused(file, message);
  }
}

/**
 * Reads a backup to its end. age authenticates each piece of the file and its end; the parts are compared with what the contents
 * say of them.
 * @throws CommandError where it is damaged, cut short, or not for this key
 */
export async function verify(file: string, decrypting: Decrypter): Promise<Contents> {
  const found: string[] = [];
  const reading = parts(file, decrypting);
  for (;;) {
    const { value, done } = await reading.next();
    if (done) {
      if (JSON.stringify(found) !== JSON.stringify(value.parts.map(({ name, bytes, sha256 }) => [name, bytes, sha256].join()))) throw refused(file, 'its parts are not what they should be');
      return value;
    }
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of value.content) {
      hash.update(piece);
      bytes += piece.length;
    }
    found.push([value.name, bytes, hash.digest('hex')].join());
  }
}

function parse(file: string, json: string): Contents {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw refused(file, 'what it says of itself is no JSON');
  }
  const { data, error } = contents.safeParse(value);
  if (data) return data;
  throw new CommandError(`The backup ${error.issues.map(({ path, message }) => (path[0] === 'format' ? message : `says of itself what cannot be: ${path.join('.')} ${message}`)).join('; ')}. Nothing was touched.`);
}

const refused = (file: string, why: string): CommandError =>
  new CommandError(`${file} is damaged, cut short, or no backup (${why}); nothing was touched.`, ['Use another backup.']);
