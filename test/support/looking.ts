import { join } from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const wide = { width: 1280, height: 800 };
const phone = { width: 320, height: 640 };
const views = [
  { name: 'light', colorScheme: 'light', viewport: wide },
  { name: 'dark', colorScheme: 'dark', viewport: wide },
  { name: 'phone', colorScheme: 'light', viewport: phone },
  { name: 'phone-dark', colorScheme: 'dark', viewport: phone },
] as const;

/**
 * What is wrong with a page in the light, in the dark and on the smallest phone (WCAG 1.4.10: 320 pixels): axe-core's findings,
 * and text that one has to scroll sideways for. Where SCREENSHOTS names a folder, each view is left there to be looked at.
 */
export async function faults(page: Page, name: string): Promise<string[]> {
  const found: string[] = [];
  await page.evaluate(axe.source);
  for (const view of views) {
    await page.emulateMedia({ colorScheme: view.colorScheme });
    await page.setViewportSize(view.viewport);
    const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
    found.push(...violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${view.name}: ${id}: ${html}: ${failureSummary}`)));
    if (await page.evaluate('document.documentElement.scrollWidth > innerWidth')) found.push(`${view.name}: is wider than the screen`);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${view.name}.png`), fullPage: true });
  }
  return found;
}
