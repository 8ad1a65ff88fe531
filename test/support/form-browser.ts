import { createHash, randomBytes } from 'node:crypto';

/** Makes a request, as `fetch` does. */
export type Ask = (url: string, init?: RequestInit) => Promise<Response>;

/** A page that a sign-in came to. */
export interface ShownPage {
  readonly status: number;
  readonly text: string;
}

/** Who signs in, and what they answer to what a first sign-in may ask for. */
export interface Login {
  username: string;
  password: string;
  newPassword?: string;
  profile?: { email: string; firstName: string; lastName: string };
}

/** A person with a browser that understands forms, redirects and cookies, and agrees to everything. */
export class FormBrowser {
  /** The text of each page on the way, the newest last. */
  readonly pages: string[] = [];
  readonly #cookies = new Map<string, string>();
  readonly #login: Login;
  readonly #headers: Record<string, string>;
  readonly #ask: Ask;

  /** @param headers sent with every request, whatever they pretend @param ask what makes its requests */
  constructor(login: Login, headers: Record<string, string> = {}, ask: Ask = fetch) {
    this.#login = login;
    this.#headers = headers;
    this.#ask = ask;
  }

  get cookies(): string[] {
    return [...this.#cookies.values()].filter(Boolean);
  }

  /** Follows an authorization request to its end. @returns the parameters of the redirect, or the page it ended on. */
  async authorize(url: string, redirectUri: string): Promise<URLSearchParams> {
    let response = await this.#request(url);
    let tried = false;
    for (let steps = 0; steps < 10; steps++) {
      const location = response.headers.get('location');
      if (location?.startsWith(redirectUri)) return new URL(location).searchParams;
      if (location) {
        response = await this.#request(new URL(location, url).href);
        continue;
      }
      const page = await response.text();
      this.pages.push(page);
      const action = formAction(page);
      if (!action) return new URLSearchParams({ error: `page ${response.status}` });
      const answer = this.#answer(page);
      // Not again: wrong passwords in quick succession lock the account.
      if ('password' in answer && tried) return new URLSearchParams({ error: 'refused' });
      tried ||= 'password' in answer;
      response = await this.#request(new URL(action, url).href, { method: 'POST', body: new URLSearchParams(answer) });
    }
    throw new Error('the sign-in does not end');
  }

  /** Opens the sign-in page. @returns what submits its form: the page that answers, none (302) where the sign-in succeeded */
  async openSignIn(url: string): Promise<() => Promise<ShownPage>> {
    const action = formAction(await (await this.#request(url)).text());
    if (!action) throw new Error(`no sign-in page at ${url}`);
    const { username, password } = this.#login;
    return async () => shown(await this.#request(new URL(action, url).href, { method: 'POST', body: new URLSearchParams({ username, password }) }));
  }

  async open(url: string): Promise<ShownPage> {
    return shown(await this.#request(url));
  }

  #answer(page: string): Record<string, string> {
    const { username, password, newPassword = password, profile } = this.#login;
    const consent = /name="code" value="([^"]*)"/.exec(page)?.[1];
    if (page.includes('name="accept"')) return { accept: 'Yes', ...(consent ? { code: consent } : {}) };
    if (page.includes('name="password-new"')) return { 'password-new': newPassword, 'password-confirm': newPassword };
    if (page.includes('name="firstName"')) return { ...profile };
    return { username, password };
  }

  async #request(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await this.#ask(url, { ...init, redirect: 'manual', headers: { ...this.#headers, cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}

const shown = async (response: Response): Promise<ShownPage> => ({ status: response.status, text: await response.text() });

const formAction = (page: string): string | undefined => /action="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');

/** A PKCE pair (RFC 7636). */
export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}
