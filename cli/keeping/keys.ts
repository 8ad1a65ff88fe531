import { readFileSync } from 'node:fs';
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { UsageError } from '../errors.ts';
import { writeWhole } from './file.ts';
import { askSecret } from './secret-prompt.ts';

/** Where a passphrase or a key comes from. Neither is ever an argument: those are read by everyone on the machine. */
export interface KeyOptions {
  passphraseFile?: string;
  /** Public keys (`age1…`): who holds the private one can read the backup, and who writes it cannot. */
  recipient?: string[];
  /** File with private keys, as age-keygen writes it. */
  identityFile?: string;
}

export const PASSPHRASE_VARIABLE = 'DRAWBRIDGE_BACKUP_PASSPHRASE';
const SHORTEST = 12;

/** @throws UsageError where there is neither a public key nor a passphrase */
export async function encrypter({ recipient = [], passphraseFile }: KeyOptions): Promise<Encrypter> {
  const encrypting = new Encrypter();
  for (const key of recipient) {
    try {
      encrypting.addRecipient(key.trim());
    } catch {
      throw new UsageError(`--recipient ${key} is no public key of age (age1…); \`npm run backup -- key FILE\` makes a pair.`);
    }
  }
  if (recipient.length > 0) {
    if (passphraseFile) throw new UsageError('Either --recipient or --passphrase-file: age encrypts to keys or to a passphrase.');
    return encrypting;
  }
  const passphrase = await readPassphrase(passphraseFile, true);
  if (passphrase.length < SHORTEST) throw new UsageError(`The passphrase is too short: it has to withstand guessing for as long as the backup exists. Use at least ${SHORTEST} characters.`);
  encrypting.setPassphrase(passphrase);
  return encrypting;
}

/** @throws UsageError where there is neither a private key nor a passphrase */
export async function decrypter({ identityFile, passphraseFile }: KeyOptions): Promise<Decrypter> {
  const decrypting = new Decrypter();
  if (!identityFile) {
    decrypting.addPassphrase(await readPassphrase(passphraseFile, false));
    return decrypting;
  }
  const keys = readText(identityFile).split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  try {
    for (const key of keys) decrypting.addIdentity(key);
  } catch {
    throw new UsageError(`${identityFile} holds something that is no private key of age (AGE-SECRET-KEY-…).`);
  }
  if (keys.length === 0) throw new UsageError(`${identityFile} holds no private key.`);
  return decrypting;
}

/** Makes a pair: the private key in a file of its own, to be kept away from the server. @returns the public key */
export async function makeKey(file: string): Promise<string> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  await writeWhole(file, [Buffer.from(`# public key: ${recipient}\n${identity}\n`)]);
  return recipient;
}

async function readPassphrase(file: string | undefined, twice: boolean): Promise<string> {
  if (file) return readText(file).replace(/\r?\n$/, '');
  const given = process.env[PASSPHRASE_VARIABLE];
  if (given) return given;
  if (!process.stdin.isTTY) throw new UsageError(`No key: give --passphrase-file FILE, ${PASSPHRASE_VARIABLE}, or ${twice ? '--recipient age1…' : '--identity-file FILE'}; nothing was touched.`);
  const passphrase = await askSecret('Passphrase of the backup: ');
  if (twice && (await askSecret('Once more: ')) !== passphrase) throw new UsageError('The two passphrases differ; nothing was touched.');
  return passphrase;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}.`);
  }
}
