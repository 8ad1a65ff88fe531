import { randomInt } from 'node:crypto';
import type { Plain } from '../values.ts';
import type { Provider } from './provider.ts';

const alphabets = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  numeric: '0123456789',
  special: '!@#$%&*()-_=+[]{}<>:?',
} as const;

/** Defaults as in the random provider: every kind of character, no minimum of any. `bcryptHash` is not computed. */
export const randomPassword: Provider = {
  inputs: ['keepers', 'length', 'lower', 'minLower', 'minNumeric', 'minSpecial', 'minUpper', 'number', 'numeric', 'overrideSpecial', 'special', 'upper'],
  required: ['length'],
  replaceOn: 'all',
  exclusiveName: false,
  secretOutputs: ['result'],
  check: (inputs) => {
    const { length, minimum, all } = policy(inputs);
    if (typeof inputs['length'] !== 'number') return undefined;
    if (length < 1 || length < minimum) return `length must be at least 1 and no less than the minimums together (${minimum})`;
    return all === '' ? 'no kind of character is left to choose from' : undefined;
  },
  create: async (inputs) => {
    const { length, kinds, all } = policy(inputs);
    const characters = kinds.flatMap(({ alphabet, minimum }) => Array.from({ length: minimum }, () => pick(alphabet)));
    while (characters.length < length) characters.push(pick(all));
    // The required characters come first so far; a Fisher-Yates shuffle hides which they are.
    for (let last = characters.length - 1; last > 0; last--) {
      const other = randomInt(last + 1);
      [characters[last], characters[other]] = [characters[other]!, characters[last]!];
    }
    return { id: 'none', outputs: { result: characters.join('') } };
  },
  remove: async () => {},
};

const pick = (alphabet: string): string => alphabet[randomInt(alphabet.length)]!;

function policy(inputs: Plain) {
  const kind = (name: keyof typeof alphabets, given: unknown, minimum: unknown, alphabet: string = alphabets[name]) =>
    ({ alphabet: given === false ? '' : alphabet, minimum: Number(minimum ?? 0) });
  const kinds = [
    kind('lower', inputs['lower'], inputs['minLower']),
    kind('upper', inputs['upper'], inputs['minUpper']),
    kind('numeric', inputs['numeric'] ?? inputs['number'], inputs['minNumeric']),
    kind('special', inputs['special'], inputs['minSpecial'], (inputs['overrideSpecial'] as string | undefined) || alphabets.special),
  ].map((each) => (each.alphabet === '' ? { ...each, minimum: 0 } : each));
  const minimum = kinds.reduce((sum, each) => sum + each.minimum, 0);
  return { length: Number(inputs['length']), kinds, minimum, all: kinds.map(({ alphabet }) => alphabet).join('') };
}
