import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandError, UsageError } from '../../cli/errors.ts';
import { parts, type Source, verify, write } from '../../cli/keeping/archive.ts';
import { writeWhole } from '../../cli/keeping/file.ts';
import { decrypter, encrypter, makeKey, PASSPHRASE_VARIABLE } from '../../cli/keeping/keys.ts';
import { tarEnd, tarEntry } from '../../cli/keeping/tar.ts';
import { refuseVersions } from '../../cli/keeping/versions.ts';
import { counted } from '../../cli/restore.ts';

let directory: string;
const path = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-keeping-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const facts = { stack: 's', created: '2026-11-21T10:00:00.000Z', drawbridge: '0.1.0', keycloak: '26.7.4', postgres: '17.5' };
const source = (name: string, kind: Source['kind'], ...chunks: Uint8Array[]): Source => ({
  name,
  kind,
  read: async function* () {
    yield* chunks;
  },
});
/** Longer than a piece, and not a multiple of anything. */
const long = Buffer.alloc(9_000_001, 'abcdefg');
const sources = [source('database', 'database', long.subarray(0, 5_000_000), long.subarray(5_000_000)), source('acme', 'volume', Buffer.from('files')), source('data-empty', 'volume')];

const identity = await generateX25519Identity();
const forKey = async () => {
  const encrypting = new Encrypter();
  encrypting.addRecipient(await identityToRecipient(identity));
  return encrypting;
};
const withKey = (key = identity) => {
  const decrypting = new Decrypter();
  decrypting.addIdentity(key);
  return decrypting;
};
const make = async (file: string, of: readonly Source[] = sources) => writeWhole(file, write(of, facts, await forKey(), () => {}));

describe('a backup', () => {
  it('is read back as it was written, each part whole, and says what is in it', async () => {
    await make(path('b'));
    const contents = await verify(path('b'), withKey());
    expect(contents).toMatchObject({ format: 1, ...facts });
    expect(contents.parts.map(({ name, kind, bytes }) => [name, kind, bytes])).toEqual([['database', 'database', long.length], ['acme', 'volume', 5], ['data-empty', 'volume', 0]]);
    const found: Record<string, Buffer> = {};
    for await (const { name, content } of parts(path('b'), withKey())) found[name] = await buffer(Readable.from(content));
    expect(Object.keys(found)).toEqual(['database', 'acme', 'data-empty']);
    expect(found.database?.equals(long)).toBe(true);
    expect(found.acme?.toString()).toBe('files');
  });

  it('can be read without Drawbridge: a tar in an age file', async () => {
    await make(path('b'));
    writeFileSync(path('tar'), await withKey().decrypt(readFileSync(path('b'))));
    const names = ['database/000000', 'database/000001', 'acme/000000', 'data-empty/000000', 'contents.json'];
    expect(execFileSync('tar', ['--list', '--file', path('tar')], { encoding: 'utf8' }).trim().split('\n')).toEqual(names);
    expect(execFileSync('tar', ['--extract', '--to-stdout', '--file', path('tar'), ...names.slice(0, 2)], { maxBuffer: 2 ** 30 }).equals(long)).toBe(true);
  });

  it('of which a bit was flipped, anywhere, is refused', async () => {
    await make(path('b'), [source('acme', 'volume', Buffer.from('files'))]);
    const good = readFileSync(path('b'));
    for (let at = 0; at < good.length; at += 7) {
      const bad = Buffer.from(good);
      bad[at]! ^= 1;
      writeFileSync(path('bad'), bad);
      await expect(verify(path('bad'), withKey()), `byte ${at}`).rejects.toThrow('nothing was touched');
    }
  });

  it('that was cut short, anywhere, or has something after its end is refused', async () => {
    await make(path('b'));
    const good = readFileSync(path('b'));
    for (const length of [0, 1, 100, 200, 65_600, 131_072, 5_000_000, good.length - 70_000, good.length - 1]) {
      writeFileSync(path('bad'), good.subarray(0, length));
      await expect(verify(path('bad'), withKey()), `${length} bytes`).rejects.toThrow('nothing was touched');
    }
    writeFileSync(path('bad'), Buffer.concat([good, Buffer.from('x')]));
    await expect(verify(path('bad'), withKey())).rejects.toThrow('nothing was touched');
  });

  it('opens with no other key and no other passphrase', async () => {
    await make(path('b'));
    await expect(verify(path('b'), withKey(await generateX25519Identity()))).rejects.toThrow('does not open with this passphrase or key');
    vi.stubEnv(PASSPHRASE_VARIABLE, 'a right and long one');
    const encrypting = await encrypter({});
    encrypting.setScryptWorkFactor(10);
    await writeWhole(path('p'), write(sources, facts, encrypting, () => {}));
    expect((await verify(path('p'), await decrypter({}))).stack).toBe('s');
    writeFileSync(path('wrong'), 'a wrong and long one\n');
    await expect(verify(path('p'), await decrypter({ passphraseFile: path('wrong') }))).rejects.toThrow('does not open with this passphrase or key');
  });

  it('whose reader could not know its format, or that is none, is refused', async () => {
    const seal = async (content: string) => writeFileSync(path('b'), await (await forKey()).encrypt(content));
    await seal('no tar at all'.repeat(100));
    await expect(verify(path('b'), withKey())).rejects.toThrow('is no tar');
    await expect(verify(path('nowhere'), withKey())).rejects.toThrow('There is no file');
    writeFileSync(path('b'), 'no age file');
    await expect(verify(path('b'), withKey())).rejects.toThrow('is damaged, cut short, or no backup');
  });
});

describe('the file', () => {
  it('is its owner’s alone, and nothing is overwritten', async () => {
    await make(path('b'));
    expect(statSync(path('b')).mode & 0o777).toBe(0o600);
    const before = readFileSync(path('b'));
    await expect(make(path('b'))).rejects.toThrow(UsageError);
    expect(readFileSync(path('b')).equals(before)).toBe(true);
  });

  it('of a run that failed is not there, nor a part of it', async () => {
    const failing: Source = {
      ...source('database', 'database'),
      read: async function* () {
        yield long;
        throw new Error('the dump broke off');
      },
    };
    await expect(make(path('b'), [failing])).rejects.toThrow('the dump broke off');
    expect(readdirSync(directory)).toEqual([]);
  });

  it('that two runs write at once is the one’s who ends first, whole, and the other one is told', async () => {
    const begin = (word: string) => {
      const { promise: ends, resolve: end } = Promise.withResolvers<void>();
      const writing = writeWhole(path('b'), (async function* () {
        yield Buffer.from(word);
        await ends;
        yield Buffer.from(', whole');
      })());
      return { writing, end };
    };
    const half = (files: number) => vi.waitFor(() => expect(readdirSync(directory).map((name) => statSync(path(name)).size)).toEqual(Array(files).fill(3)));
    const one = begin('one');
    await half(1);
    const two = begin('two');
    await half(2);
    one.end();
    await one.writing;
    expect(readFileSync(path('b'), 'utf8')).toBe('one, whole');
    two.end();
    await expect(two.writing).rejects.toThrow('nothing is overwritten');
    expect(readFileSync(path('b'), 'utf8')).toBe('one, whole');
    expect(readdirSync(directory)).toEqual(['b']);
  });

  it('that several runs end at the same moment is one’s', async () => {
    const runs = await Promise.allSettled(['one', 'two', 'three', 'four'].map((word) => writeWhole(path('b'), [Buffer.from(word)])));
    expect(runs.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(readdirSync(directory)).toEqual(['b']);
  });

  it.each(['/dev/null/b', '/proc/b'])('that cannot be (%s) is said in words', async (file) => {
    await expect(writeWhole(file, [])).rejects.toThrow(`${file} cannot be written`);
  });
});

// age says that a file is unchanged, and not who wrote it: everyone has a public key.
describe('a forged backup', () => {
  const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const part = (name: string, kind: string) => ({ name, kind, bytes: 0, sha256: hash });
  const whole = { format: 1, ...facts, parts: [part('database', 'database'), part('acme', 'volume')] };
  const seal = async (...entries: Uint8Array[]) => writeFileSync(path('b'), await (await forKey()).encrypt(Buffer.concat([...entries, tarEnd])));
  const forge = (said: unknown, names = ['database', 'acme']) => seal(...names.map((name) => tarEntry(`${name}/000000`, Buffer.alloc(0))), tarEntry('contents.json', Buffer.from(typeof said === 'string' ? said : JSON.stringify(said))));

  it('is like ours, where it says what ours would', async () => {
    await forge(whole);
    expect(await verify(path('b'), withKey())).toEqual(whole);
  });

  it.each([
    ['no JSON of itself', '{"format": 1,', 'is no JSON'],
    ['no version of its database, which is not compared then', { ...whole, keycloak: undefined }, 'have to be said of a database'],
    ['nor of PostgreSQL', { ...whole, postgres: undefined }, 'have to be said of a database'],
    ['a version that moves the cursor', { ...whole, keycloak: '26.7.4\u001b[2J' }, 'is no version'],
    ['a stack that does', { ...whole, stack: '\u001b]0;title\u0007' }, 'is no stack name'],
    ['a part that does', { ...whole, parts: [part('\u001b[2J', 'volume')] }, 'is no name of a part'],
    ['more than ours would', { ...whole, '\u001b[2J': 1 }, 'something that no backup of ours does'],
    ['a part twice', { ...whole, parts: [...whole.parts, part('acme', 'volume')] }, 'holds a part twice'],
    ['that its database is a volume', { ...whole, keycloak: undefined, parts: [part('database', 'volume'), part('acme', 'volume')] }, 'is a database by its name'],
    ['that a volume is a database', { ...whole, parts: [part('database', 'database'), part('acme', 'database')] }, 'is a database by its name'],
    ['a part that is not in it', { ...whole, parts: [...whole.parts, part('data-files', 'volume')] }, 'its parts are not what they should be'],
  ])('is refused where it says %s', async (_, said, why) => {
    await forge(said);
    const refusal = (await verify(path('b'), withKey()).catch((error: unknown) => error)) as Error;
    expect(refusal).toBeInstanceOf(CommandError);
    expect(refusal.message).toContain(why);
    expect(refusal.message).toMatch(/nothing was touched/i);
    expect(refusal.message).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  it.each([['is longer than memory should hold', '77777777777'], ['has no length', 'xxxxxxxxxxx']])('is refused where a file in it %s', async (_, length) => {
    const header = tarEntry('database/000000', Buffer.alloc(0));
    header.write(length, 124);
    await seal(header);
    await expect(verify(path('b'), withKey())).rejects.toThrow('a file that is too long');
  });
});

describe('a key', () => {
  it('pair is made so that the public half can write what only the private one reads', async () => {
    const recipient = await makeKey(path('key'));
    expect(statSync(path('key')).mode & 0o777).toBe(0o600);
    await writeWhole(path('b'), write(sources, facts, await encrypter({ recipient: [recipient] }), () => {}));
    expect((await verify(path('b'), await decrypter({ identityFile: path('key') }))).parts).toHaveLength(3);
    await expect(makeKey(path('key'))).rejects.toThrow('nothing is overwritten');
  });

  it.each([
    ['none', {}, 'No key: give --passphrase-file FILE'],
    ['a word that is no public key', { recipient: ['age1nonsense'] }, 'is no public key of age'],
    ['a public key and a passphrase', async () => ({ recipient: [await identityToRecipient(identity)], passphraseFile: path('p') }), 'Either --recipient or --passphrase-file'],
    ['a passphrase that can be guessed', async () => (writeFileSync(path('p'), 'short'), { passphraseFile: path('p') }), 'is too short'],
    ['a file that is not there', { passphraseFile: '/nowhere' }, '/nowhere cannot be read'],
  ])('%s is wrong use', async (_, options, message) => {
    vi.stubEnv(PASSPHRASE_VARIABLE, '');
    const wrong = encrypter(typeof options === 'function' ? await options() : options);
    await expect(wrong).rejects.toThrow(UsageError);
    await expect(wrong).rejects.toThrow(message);
  });
});

describe('restore', () => {
  const here = { keycloak: '26.7.4', postgres: '17.5' };
  const of = (keycloak: string, postgres = '17.5') => ({ format: 1 as const, ...facts, keycloak, postgres, parts: [] });

  it.each([['26.7.4'], ['26.7.3'], ['26.6.10']])('takes the database of Keycloak %s into 26.7.4', (version) => {
    expect(() => refuseVersions(of(version), here)).not.toThrow();
  });
  it.each([['26.7.5'], ['26.10.0'], ['27.0.0'], ['25.0.6']])('refuses that of Keycloak %s', (version) => {
    expect(() => refuseVersions(of(version), here)).toThrow('Nothing was touched.');
  });
  it('refuses a dump of a newer PostgreSQL', () => {
    expect(() => refuseVersions(of('26.7.4', '18.0'), here)).toThrow('PostgreSQL 17.5 of this stack cannot read');
    expect(() => refuseVersions(of('26.7.4', '16.9'), here)).not.toThrow();
  });
});

it('what a restore replaces is counted in words', () => {
  expect([0, 1, 2].map((count) => counted(count, 'user'))).toEqual(['0 users', '1 user', '2 users']);
});
