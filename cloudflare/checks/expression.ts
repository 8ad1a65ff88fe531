import { BlockList, isIP } from 'node:net';

/** A request as rules see it (Rules language, "Fields"): what is not here, nobody outside of Cloudflare knows. */
export type Fields = Readonly<Record<string, string>>;

/** What an expression says of a request; undefined where that hangs on what is not known, or on words that are not known here. */
type Value = string | boolean | undefined;

// A string, a raw string, an address or network, a word, a sign.
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|r(#*)"[^]*?"\2|\d+\.[\d.]+(?:\/\d+)?|[0-9a-f]*:[0-9a-f:.]*(?:\/\d+)?|\$?[\w.-]+|[=!<>]=|&&|\|\||\^\^|[!(){}[\],<>*~])\s*/iy;
const SYNONYMS: Readonly<Record<string, string>> = { '==': 'eq', '!=': 'ne', '&&': 'and', '||': 'or', '^^': 'xor', '!': 'not', '~': 'matches', '<': 'lt', '>': 'gt', '<=': 'le', '>=': 'ge' };
const OPERATORS = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge', 'contains', 'wildcard', 'matches', 'in']);

/**
 * Whether somebody's rule matches a request (Cloudflare's Rules language). In three values: a rule that hangs on the country, on a bot's
 * score or on a list is neither called a match nor none.
 */
export function evaluate(expression: string, fields: Fields): boolean | undefined {
  const reader = new Reader(tokenize(expression), fields);
  const value = truth(reader.either());
  return reader.ended ? value : undefined;
}

function tokenize(expression: string): string[] {
  const tokens: string[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < expression.length; ) {
    const token = TOKEN.exec(expression)?.[1];
    if (token === undefined) return ['?', '?'];
    tokens.push(SYNONYMS[token] ?? token);
  }
  return tokens;
}

const truth = (value: Value): boolean | undefined => (typeof value === 'boolean' ? value : undefined);

class Reader {
  readonly #tokens: string[];
  readonly #fields: Fields;

  constructor(tokens: string[], fields: Fields) {
    this.#tokens = tokens;
    this.#fields = fields;
  }

  get ended(): boolean {
    return this.#tokens.length === 0;
  }

  // From the weakest to the strongest ("Operators: Order of precedence").
  either(): Value {
    return this.#joined('or', () => this.#differing(), (values) => (values.includes(true) ? true : values.includes(undefined) ? undefined : false));
  }

  #differing(): Value {
    return this.#joined('xor', () => this.#both(), (values) => (values.includes(undefined) ? undefined : values.filter(Boolean).length % 2 === 1));
  }

  #both(): Value {
    return this.#joined('and', () => this.#one(), (values) => (values.includes(false) ? false : values.includes(undefined) ? undefined : true));
  }

  #joined(word: string, part: () => Value, join: (values: (boolean | undefined)[]) => boolean | undefined): Value {
    const values = [part()];
    while (this.#take(word)) values.push(part());
    return values.length === 1 ? values[0] : join(values.map(truth));
  }

  #one(): Value {
    if (this.#take('not')) {
      const value = truth(this.#one());
      return value === undefined ? undefined : !value;
    }
    const value = this.#operand();
    const strict = this.#take('strict');
    if (!OPERATORS.has(this.#tokens[0] ?? '')) return value;
    return compare(this.#tokens.shift()!, strict, value, this.#take('{') ? this.#set() : this.#operand());
  }

  #operand(): Value {
    const token = this.#tokens.shift() ?? '';
    if (token === '(') {
      const value = this.either();
      return this.#take(')') ? value : undefined;
    }
    if (token.startsWith('"')) return token.slice(1, -1).replace(/\\(.)/g, '$1');
    if (/^r#*"/i.test(token)) return token.replace(/^r#*"|"#*$/gi, '');
    if (token === 'true' || token === 'false') return token === 'true';
    const value = this.#take('(') ? call(token, this.#arguments()) : /^[a-z_]/i.test(token) && !isIP(token) ? this.#fields[token] : token;
    // An element of a field that is not known.
    while (this.#take('[')) while (this.#tokens.length > 0 && this.#tokens.shift() !== ']');
    return value;
  }

  #arguments(): Value[] {
    const values: Value[] = [];
    while (!this.ended && !this.#take(')')) {
      values.push(this.either());
      this.#take(',');
    }
    return values;
  }

  /** Of a list by name (`$list`) nothing is known. */
  #set(): Value[] {
    const values: Value[] = [];
    while (!this.ended && !this.#take('}')) values.push(this.#operand());
    return values;
  }

  #take(token: string): boolean {
    if (this.#tokens[0] !== token) return false;
    this.#tokens.shift();
    return true;
  }
}

function call(name: string, [of, part]: Value[]): Value {
  if (typeof of !== 'string') return undefined;
  if (name === 'lower') return of.toLowerCase();
  if (name === 'upper') return of.toUpperCase();
  if (typeof part !== 'string') return undefined;
  if (name === 'starts_with') return of.startsWith(part);
  return name === 'ends_with' ? of.endsWith(part) : undefined;
}

function compare(operator: string, strict: boolean, value: Value, with_: Value | Value[]): Value {
  if (value === undefined || typeof value === 'boolean') return undefined;
  if (Array.isArray(with_)) return with_.every((one) => typeof one === 'string') ? with_.some((one) => is(value, one)) : undefined;
  // A list has its name after `in` without braces.
  if (typeof with_ !== 'string' || with_.startsWith('$')) return undefined;
  switch (operator) {
    case 'eq':
      return is(value, with_);
    case 'ne':
      return !is(value, with_);
    case 'contains':
      return value.includes(with_);
    case 'wildcard':
      return new RegExp(`^${with_.replace(/[\\^$.|?+()[\]{}]/g, '\\$&').replaceAll('*', '[^]*')}$`, strict ? '' : 'i').test(value);
    case 'matches':
      return matches(value, with_);
    default:
      return undefined;
  }
}

/** Whether a value is another one, or is in that network. */
function is(value: string, other: string): boolean {
  const [address, bits] = other.split('/') as [string, string?];
  const [family, own] = [isIP(address), isIP(value)];
  if (!family || !own) return value === other;
  const network = new BlockList();
  network.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), family === 4 ? 'ipv4' : 'ipv6');
  return own === family && network.check(value, own === 4 ? 'ipv4' : 'ipv6');
}

/** Rust's regular expressions, of which JavaScript knows nearly all. */
function matches(value: string, pattern: string): boolean | undefined {
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return undefined;
  }
}
