import { type Browser, chromium, type Page } from 'playwright-core';

/** A person at a browser: signs in once with the test user, then agrees to what is asked, until the client's redirect. */
export class Person {
  readonly #browser: Browser;
  readonly #credentials: { username: string; password: string };

  private constructor(browser: Browser, credentials: { username: string; password: string }) {
    this.#browser = browser;
    this.#credentials = credentials;
  }

  static async atBrowser(credentials: { username: string; password: string }): Promise<Person> {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'] });
    return new Person(browser, credentials);
  }

  /**
   * Opens the authorization URL and goes through sign-in and consent.
   * @returns the parameters of the redirect to the client.
   */
  async authorize(authorizationUrl: URL, redirectUrl: string): Promise<URLSearchParams> {
    // The CA's root is not in the browser's store. The chain itself is verified by every Node client of these tests.
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
    try {
      const page = await context.newPage();
      const { promise: redirected, resolve } = Promise.withResolvers<URL>();
      await page.route((url) => url.href.startsWith(redirectUrl), async (route) => {
        resolve(new URL(route.request().url()));
        await route.fulfill({ body: 'Signed in. You can close this window.' });
      });
      await page.goto(authorizationUrl.href);
      for (let steps = 0; steps < 4; steps++) {
        const arrived = await Promise.race([redirected, this.#nextStep(page)]);
        if (arrived) return arrived.searchParams;
      }
      throw new Error(`sign-in did not end: ${await page.title()}`);
    } finally {
      await context.close();
    }
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
