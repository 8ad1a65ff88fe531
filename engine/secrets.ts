import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeDurably } from './files.ts';
import { EngineError } from './types.ts';
import { Secret, secretsIn, type Plain, type Value, type Values } from './values.ts';

const sealedKey = 'drawbridge:sealed';

/** Encrypts the secrets of one state file (AES-256-GCM); the key is a file of its own, mode 0600, made when first needed. */
export class Vault {
  readonly path: string;
  #key: Buffer | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** JSON of the value, each secret in it as ciphertext. */
  seal(value: Value): unknown {
    if (value instanceof Secret) return { [sealedKey]: this.#encrypt(JSON.stringify(this.seal(value.value))) };
    if (Array.isArray(value)) return value.map((item) => this.seal(item));
    if (typeof value === 'symbol') throw new Error('an unknown value cannot be stored');
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, this.seal(field)]));
  }

  unseal(json: unknown): Value {
    if (Array.isArray(json)) return json.map((item) => this.unseal(item));
    if (typeof json !== 'object' || json === null) return json as Value;
    const sealed = (json as Plain)[sealedKey];
    if (typeof sealed === 'string') return new Secret(this.unseal(JSON.parse(this.#decrypt(sealed))));
    return Object.fromEntries(Object.entries(json).map(([key, field]) => [key, this.unseal(field)]));
  }

  #encrypt(text: string): string {
    if (!this.#key && !existsSync(this.path)) {
      this.#key = randomBytes(32);
      writeDurably(this.path, this.#key.toString('base64') + '\n');
    }
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#load(), nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  #decrypt(sealed: string): string {
    const bytes = Buffer.from(sealed, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#load(), bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    } catch {
      throw new EngineError(`The secrets of the state cannot be read with ${this.path}: the key is missing or another one. Put the right key back.`, { begun: false });
    }
  }

  #load(): Buffer {
    this.#key ??= Buffer.from(readFileSync(this.path, 'utf8'), 'base64');
    return this.#key;
  }
}

/** Hides the secrets it has learned in text that a person or a log will see. Strings under 6 characters are left alone. */
export class Masker {
  #known = new Set<string>();
  #ordered: string[] | undefined;

  learn(value: Value): void {
    for (const secret of secretsIn(value)) this.#learnStrings(secret.value);
  }

  #learnStrings(value: Value): void {
    if (typeof value === 'string') {
      // Output is masked line by line, so the long lines of a document (a private key) count too, and so does its form inside JSON.
      const lines = value.includes('\n') ? value.split('\n').map((line) => line.trim()).filter((line) => line.length >= 20) : [];
      for (const text of [value, JSON.stringify(value).slice(1, -1), ...lines]) {
        if (text.length >= 6) this.#known.add(text);
      }
      this.#ordered = undefined;
    } else if (typeof value === 'object' && value !== null && !(value instanceof Secret)) {
      for (const field of Object.values(value as Values)) this.#learnStrings(field);
    }
  }

  mask(text: string): string {
    // Longest first, or the rest of a secret that contains another one would stay.
    this.#ordered ??= [...this.#known].sort((a, b) => b.length - a.length);
    return this.#ordered.reduce((masked, secret) => masked.replaceAll(secret, '[secret]'), text);
  }
}
