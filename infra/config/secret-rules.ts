import type { ConfigProblem } from './rules.ts';
import type { Parsed } from './schema.ts';

/** `secrets` as the config has it: where a value is not decrypted, only its name is known. */
export type SecretsByName = Parsed['secrets'];

/** What a program on the way would refuse, or a guess would find. */
const demands = {
  word: { wrong: (value: string) => !/^[\x21-\x7e]+$/.test(value), message: 'has a space, a line break or a character that is not ASCII in it: give the token as Cloudflare showed it, without “Bearer”' },
  header: { wrong: (value: string) => !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value), message: 'cannot be sent in a header: it has a line break, a character that is not ASCII, or a space at an end' },
  // RFC 6750 §2.1. 32 characters of `openssl rand -hex 16` carry 128 bits.
  token: { wrong: (value: string) => !/^[A-Za-z0-9._~+/-]{32,}=*$/.test(value), message: 'must be at least 32 letters, digits and - . _ ~ + / (RFC 6750 §2.1): make one with `openssl rand -hex 32`' },
};

/**
 * A reference must name a secret that there is. Its value is never part of a message.
 * @param demand what its value must be fit for, where that is known
 */
export function secretRules(name: string, path: string, secrets: SecretsByName | undefined, demand?: keyof typeof demands): ConfigProblem[] {
  if (!secrets) return [];
  if (!Object.hasOwn(secrets, name)) return [{ path, message: `names the secret ${name}, which drawbridge:secrets does not have: \`pulumi config set --secret --path 'drawbridge:secrets.${name}'\` sets it` }];
  const value = secrets[name];
  if (!demand || typeof value !== 'string' || !demands[demand].wrong(value)) return [];
  return [{ path, message: `is the secret ${name}, which ${demands[demand].message}` }];
}
