import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { forwardProxy } from './browser-proxy.ts';

/**
 * A browser that asks nobody for anything of its own accord.
 * @param proxy all that it can reach, as a server that does not listen yet
 */
export async function openBrowser(proxy: Server = forwardProxy()): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-browser-'));
  const socket = join(folder, 'proxy');
  await once(proxy.listen(socket), 'listening');
  const browser = await chromium.launch({
    executablePath: join(import.meta.dirname, 'chromium-apart.sh'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
    env: { ...process.env, NODE: process.execPath, UNSHARE: process.getuid?.() === 0 ? '--net' : '--map-root-user --net', BROWSER_PROXY: socket },
    // The loopback address as well: the one beside it is another.
    proxy: { server: 'http://127.0.0.1:3128', bypass: '<-loopback>' },
  });
  browser.once('disconnected', () => {
    proxy.close();
    proxy.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  return browser;
}

/** A person at a browser: signs in once with the test user, then agrees to what is asked, until the client's redirect. */
export class Person {
  readonly #browser: Browser;
  readonly #credentials: { username: string; password: string };

  private constructor(browser: Browser, credentials: { username: string; password: string }) {
    this.#browser = browser;
    this.#credentials = credentials;
  }

  static async atBrowser(credentials: { username: string; password: string }): Promise<Person> {
    return new Person(await openBrowser(), credentials);
  }

  /**
   * Opens the authorization URL and goes through sign-in and consent.
   * @returns the parameters of the redirect to the client, which is not followed: nobody is there.
   */
  async authorize(authorizationUrl: URL, redirectUrl: string): Promise<URLSearchParams> {
    const page = await this.open();
    try {
      const { promise: redirected, resolve } = Promise.withResolvers<URL>();
      let callback: URL | undefined;
      // Each answer is looked at before the browser acts on it: no code leaves it, and no program is asked for cursor://.
      const devtools = await page.context().newCDPSession(page);
      devtools.on('Fetch.requestPaused', ({ requestId, responseHeaders }) => {
        const location = responseHeaders?.find(({ name }) => name.toLowerCase() === 'location')?.value;
        if (!location?.startsWith(redirectUrl)) return void devtools.send('Fetch.continueRequest', { requestId }).catch(() => {});
        const arrived = (callback = new URL(location));
        // Not answered: Chromium cannot close a page that is just about to show an answer.
        devtools.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' }).catch(() => {}).finally(() => resolve(arrived));
      });
      await devtools.send('Fetch.enable', { patterns: [{ resourceType: 'Document', requestStage: 'Response' }] });
      await page.goto(authorizationUrl.href).catch((error: unknown) => {
        // Where nothing was asked, the first page is already the redirect.
        if (!callback) throw error;
      });
      return (await this.goThrough(page, redirected)).searchParams;
    } finally {
      await page.context().close();
    }
  }

  /** Opens a URL that a running client gave it, and comes back to that client. @returns what the client's page says then. */
  async follow(url: URL, client: string): Promise<string> {
    const page = await this.open();
    try {
      await page.goto(url.href);
      await this.goThrough(page, page.waitForURL((now) => now.href.startsWith(client)));
      return await page.locator('body').innerText();
    } finally {
      await page.context().close();
    }
  }

  /** A page in a browser that knows nobody yet. */
  async open(): Promise<Page> {
    // The CA's root is not in the browser's store. The chain itself is verified by every Node client of these tests.
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
    return context.newPage();
  }

  /** Signs in and consents on a page that asks for it, until it has arrived at the client. */
  async goThrough<T>(page: Page, arrival: Promise<T>): Promise<T> {
    const arrived = arrival.then((value) => ({ value }));
    for (let steps = 0; steps < 4; steps++) {
      const end = await Promise.race([arrived, this.#nextStep(page)]);
      if (end) return end.value;
    }
    throw new Error(`sign-in did not end: ${await page.title()}`);
  }

  /** Does what the page asks for: sign in, or consent. */
  async #nextStep(page: Page): Promise<undefined> {
    const password = page.locator('#password');
    const accept = page.locator('#kc-login[name="accept"]');
    const failure = page.locator('#kc-error-message:visible, [id^="input-error"]:visible').first();
    await password.or(accept).or(failure).first().waitFor({ timeout: 30_000 });
    if (await failure.isVisible()) throw new Error(`the authorization server refused: ${await failure.innerText()}`);
    const signIn = await password.isVisible();
    if (signIn) {
      await page.fill('#username', this.#credentials.username);
      await password.fill(this.#credentials.password);
    }
    const button = signIn ? page.locator('#kc-login') : accept;
    await button.click();
    await Promise.race([(signIn ? password : accept).waitFor({ state: 'detached' }), failure.waitFor()]);
  }

  async leave(): Promise<void> {
    await this.#browser.close();
  }
}
