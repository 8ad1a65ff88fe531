import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from './browser.ts';

/** A browser with nobody in it, for sign-ins that a test goes through step by step. */
export class Journeys {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async atBrowser(): Promise<Journeys> {
    return new Journeys(await openBrowser());
  }

  /**
   * Opens the authorization URL with no cookie of before, and lets `steps` do what the pages ask for.
   * @returns the parameters of the redirect to the client, or the text of the page on which it ended
   */
  async go(authorizationUrl: URL, redirectUrl: string, steps: (page: Page) => Promise<void>): Promise<{ redirect?: URLSearchParams; text: string }> {
    // The CA's root is not in the browser's store. The chain itself is verified by every Node client of these tests.
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(20_000);
    let redirect: URLSearchParams | undefined;
    // A client on the user's own machine listens for its redirect (RFC 8252 §7.3).
    const client = createServer((request, response) => {
      const arrived = new URL(request.url!, redirectUrl);
      if (arrived.href.startsWith(redirectUrl)) redirect = arrived.searchParams;
      response.end('Signed in. You can close this window.');
    });
    await once(client.listen(Number(new URL(redirectUrl).port), 'localhost'), 'listening');
    try {
      const page = await context.newPage();
      await page.goto(authorizationUrl.href);
      await steps(page);
      return { redirect, text: await page.locator('body').innerText() };
    } finally {
      await context.close();
      client.close();
      client.closeAllConnections();
    }
  }

  async leave(): Promise<void> {
    await this.#browser.close();
  }
}
