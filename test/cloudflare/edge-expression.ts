import { BlockList, isIP } from 'node:net';

/** A request as rules see it (Cloudflare's Rules language, "Fields"). */
export interface Fields {
  readonly 'http.host': string;
  readonly 'http.request.method': string;
  readonly 'http.request.uri.path': string;
  readonly 'http.user_agent': string;
  readonly 'ip.src': string;
}

type Test = (fields: Fields) => boolean;

// A string, an address or network, a word, a sign.
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|\d+\.[\d.]+(?:\/\d+)?|[0-9a-f]*:[0-9a-f:.]*(?:\/\d+)?|[a-z_][\w.]*|==|!=|&&|\|\||[!(){},])\s*/iy;
const SYNONYMS: Readonly<Record<string, string>> = { '==': 'eq', '!=': 'ne', '&&': 'and', '||': 'or', '!': 'not' };

/**
 * Understands as much of Cloudflare's Rules language as rules of ours use: `eq`, `ne`, `in`, `contains`, `starts_with()`, `ends_with()`,
 * `lower()`, `not`, `and`, `or` and parentheses. All else is an error: a rule that the simulation did not understand would protect nothing.
 */
export function compile(expression: string): Test {
  const tokens = tokenize(expression);
  const test = new Parser(tokens).either();
  if (tokens.length > 0) throw unknown(tokens[0]!);
  return test;
}

const unknown = (token: string | undefined) => new Error(`The edge simulation does not understand ${token ?? 'the end'} in an expression`);

function tokenize(expression: string): string[] {
  const tokens: string[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < expression.length; ) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(expression)?.[1];
    if (token === undefined) throw unknown(expression.slice(at));
    tokens.push(SYNONYMS[token] ?? token);
  }
  return tokens;
}

class Parser {
  readonly #tokens: string[];

  constructor(tokens: string[]) {
    this.#tokens = tokens;
  }

  either(): Test {
    const tests = [this.#all()];
    while (this.#take('or')) tests.push(this.#all());
    return (fields) => tests.some((test) => test(fields));
  }

  #all(): Test {
    const tests = [this.#one()];
    while (this.#take('and')) tests.push(this.#one());
    return (fields) => tests.every((test) => test(fields));
  }

  #one(): Test {
    if (this.#take('not')) {
      const test = this.#one();
      return (fields) => !test(fields);
    }
    if (this.#take('(')) {
      const test = this.either();
      this.#need(')');
      return test;
    }
    if (this.#take('true')) return () => true;
    for (const [name, holds] of [['starts_with', (value: string, part: string) => value.startsWith(part)], ['ends_with', (value: string, part: string) => value.endsWith(part)]] as const)
      if (this.#take(name)) {
        this.#need('(');
        const of = this.#text();
        this.#need(',');
        const part = this.#string();
        this.#need(')');
        return (fields) => holds(of(fields), part);
      }
    const isAddress = this.#tokens[0] === 'ip.src';
    return this.#comparison(this.#text(), isAddress);
  }

  /** A field, or `lower()` of one. */
  #text(): (fields: Fields) => string {
    if (!this.#take('lower')) {
      const field = this.#field();
      return (fields) => fields[field];
    }
    this.#need('(');
    const field = this.#field();
    this.#need(')');
    return (fields) => fields[field].toLowerCase();
  }

  #comparison(of: (fields: Fields) => string, isAddress: boolean): Test {
    if (this.#take('in')) return isAddress ? this.#networks(of) : this.#set(of);
    if (this.#take('contains')) {
      const part = this.#string();
      return (fields) => of(fields).includes(part);
    }
    const equal = this.#take('eq');
    if (!equal) this.#need('ne');
    const value = isAddress ? this.#tokens.shift()! : this.#string();
    return (fields) => (of(fields) === value) === equal;
  }

  #set(of: (fields: Fields) => string): Test {
    this.#need('{');
    const values = new Set<string>();
    while (!this.#take('}')) values.add(this.#string());
    return (fields) => values.has(of(fields));
  }

  #networks(of: (fields: Fields) => string): Test {
    this.#need('{');
    const networks = new BlockList();
    while (!this.#take('}')) {
      const [address, bits] = (this.#tokens.shift() ?? '').split('/') as [string, string?];
      const family = isIP(address);
      if (!family) throw unknown(address);
      networks.addSubnet(address, Number(bits ?? (family === 4 ? 32 : 128)), `ipv${family as 4 | 6}`);
    }
    return (fields) => networks.check(of(fields), isIP(of(fields)) === 6 ? 'ipv6' : 'ipv4');
  }

  #field(): keyof Fields {
    const token = this.#tokens.shift();
    const known: Record<keyof Fields, true> = { 'http.host': true, 'http.request.method': true, 'http.request.uri.path': true, 'http.user_agent': true, 'ip.src': true };
    if (!token || !Object.hasOwn(known, token)) throw unknown(token);
    return token as keyof Fields;
  }

  #string(): string {
    const token = this.#tokens.shift();
    if (!token?.startsWith('"')) throw unknown(token);
    return token.slice(1, -1).replace(/\\(.)/g, '$1');
  }

  #take(token: string): boolean {
    if (this.#tokens[0] !== token) return false;
    this.#tokens.shift();
    return true;
  }

  #need(token: string): void {
    if (!this.#take(token)) throw unknown(this.#tokens[0]);
  }
}
