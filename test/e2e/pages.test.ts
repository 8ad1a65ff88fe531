import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { CodeFlow } from '../support/code-flow.ts';
import { faults } from '../support/looking.ts';
import { outputs, refusals, resource } from '../support/outputs.ts';

const { origin, host } = new URL(resource.url);
const all = 'mcp:read mcp:write offline_access';
const next = /close this page|start again|start signing in again/i;

let browser: Browser;
/** Never allowed anything, so that consent is asked for each time. */
let flow: CodeFlow;
let context: BrowserContext;
let page: Page;
/** The request that brings the browser back to the client. */
let back: Promise<URL>;
let elsewhere: string[];

beforeAll(async () => {
  browser = await openBrowser();
  flow = await CodeFlow.register(all);
});
afterAll(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  const redirected = Promise.withResolvers<URL>();
  back = redirected.promise;
  elsewhere = [];
  page.on('request', (request) => {
    if (request.url().startsWith(`${flow.redirectUrl}?`)) redirected.resolve(new URL(request.url()));
    else if (!request.url().startsWith(`${origin}/`)) elsewhere.push(request.url());
  });
});
afterEach(async () => {
  await context.close();
  expect(elsewhere, 'requests that left the host').toEqual([]);
});

const open = (of: CodeFlow, scope = all, changed: Record<string, string> = {}) => page.goto(of.request(scope, changed).url.href);
const signIn = async (password = outputs.testUser.password) => {
  await page.fill('#username', outputs.testUser.username);
  await page.fill('#password', password);
  await page.click('#kc-login');
};
const main = () => page.innerText('main');

describe('signing in', () => {
  it('says where one signs in, and is read well by everyone', async () => {
    await open(flow);
    expect(await page.title()).toBe(`Sign in – ${host}`);
    expect(await page.innerText('header')).toBe(host);
    expect(await faults(page, 'sign-in')).toEqual([]);
  });

  it('says of a wrong password no more than that, with the field, and puts one there', async () => {
    await open(flow);
    await signIn('wrong');
    const field = page.locator('#username[aria-invalid=true][aria-describedby]');
    expect(await page.innerText(`#${await field.getAttribute('aria-describedby')}`)).toBe('Invalid username or password.');
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    expect(await faults(page, 'sign-in-wrong')).toEqual([]);
  });

  it('shows the password only when asked to', async () => {
    await open(flow);
    const password = page.locator('#password');
    expect(await password.getAttribute('type')).toBe('password');
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await password.getAttribute('type')).toBe('text');
    await page.getByRole('button', { name: 'Hide password' }).click();
    expect(await password.getAttribute('type')).toBe('password');
  });

  it('needs no mouse, up to the client', async () => {
    await open(await CodeFlow.register(all, 'Keyboard'));
    await page.keyboard.type(outputs.testUser.username);
    await page.keyboard.press('Tab');
    await page.keyboard.type(outputs.testUser.password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#scopes');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.innerText')).toBe('Allow');
    await page.keyboard.press('Enter');
    expect((await back).searchParams.get('code')).toBeTruthy();
  });

  it.each(['UPDATE_PASSWORD', 'CONFIGURE_TOTP'])('leads on through what else has to be done: %s', async (action) => {
    await open(flow, 'mcp:read', { kc_action: action });
    await signIn();
    await page.waitForSelector('#password-new, #totp');
    expect(await faults(page, action.toLowerCase().replace('_', '-'))).toEqual([]);
  });
});

describe('consent', () => {
  const ask = async (name: string) => {
    await open(await CodeFlow.register(all, name));
    await signIn();
    await page.waitForSelector('#scopes');
  };

  it('says who asks for whom, that its name proves nothing where it registered itself, where the person will be sent, and in words what is allowed on which server', async () => {
    await ask('Some editor');
    expect(await page.innerText('#client-name')).toBe('Some editor');
    expect(await main()).toContain('An app that calls itself');
    expect(await page.innerText('#unproven')).toContain('its name proves nothing');
    expect(await main()).toContain(outputs.testUser.username);
    expect(await page.innerText('#destination')).toBe('A program on this device (localhost:43111)');
    const scopes = await page.locator('#scopes li').allInnerTexts();
    expect(scopes).toEqual([
      `Use mcp: note_write\nmcp:write for ${resource.url}`,
      `Use mcp: whoami, echo, wait, note_read\nmcp:read for ${resource.url}`,
      'Stay connected while you are away, without asking you again for up to 90 days',
      'Know your name and user name',
    ]);
    expect(await faults(page, 'consent')).toEqual([]);
  });

  it('does not say of a client that the stack set up that its name proves nothing', async () => {
    await open(await CodeFlow.as(outputs.clients['claude-code']!));
    await signIn();
    await page.waitForSelector('#scopes');
    expect(await main()).not.toMatch(/calls itself|proves nothing/);
    expect(await faults(page, 'consent-known')).toEqual([]);
  });

  it('refused sends nothing but the refusal to the client', async () => {
    await open(flow);
    await signIn();
    await page.click('#kc-cancel');
    const { searchParams } = await back;
    expect(searchParams.get('error')).toBe('access_denied');
    expect(searchParams.get('code')).toBeNull();
  });

  it.each([
    ['markup', '<img src=//elsewhere.example/x onerror=alert()><b>Claude</b>', '<img src=//elsewhere.example/x onerror=alert()><b>Claude</b>'],
    ['the name of a message', '${offlineAccessScopeConsentText}', '${offlineAccessScopeConsentText}'],
    ['a template', '${realm.name}${.now}', '${realm.name}${.now}'],
    ['writing direction and lines', 'a\u202egnp\u2066\u0007\n\u2028Verified by Drawbridge', 'a gnp Verified by Drawbridge'],
    ['towers of accents', `Z${'\u0321\u033e'.repeat(40)}`, 'Z\u0321\u033e'],
    ['length', 'Claude '.repeat(30), `${'Claude '.repeat(30).slice(0, 60)}…`],
    ['nothing to see', '\u200b\u2060', expect.stringMatching(/^[\w-]{20,}$/)],
    ['letters that look like nothing', '\u3164\u2800\u115f\uffa0', expect.stringMatching(/^[\w-]{20,}$/)],
  ])('lets no client pass for what it is not by a name with %s', async (_, name, shown) => {
    await ask(name);
    const box = page.locator('#client-name');
    expect(await box.textContent()).toEqual(shown);
    expect(await box.locator('*').count()).toBe(0);
    expect(await page.title()).toBe(`Allow access? – ${host}`);
    expect(await faults(page, 'consent-hostile')).toEqual([]);
  });
});

describe('each page that one can end on says what to do next', () => {
  const ends = async (name: string, what: string | RegExp) => {
    expect(await main()).toMatch(what);
    expect(await main()).toMatch(next);
    expect(await page.locator('main a[href^="http"]').evaluateAll((links, origin) => links.map((link) => (link as HTMLAnchorElement).href).filter((href) => !href.startsWith(origin)), origin)).toEqual([]);
    expect(await faults(page, name)).toEqual([]);
  };

  it('a client that is not known here any more', async () => {
    await open(await CodeFlow.as('no-such-client'));
    await ends('error-client', 'remove this server and add it again');
  });

  it('a redirect to where the client did not register, to which nobody is sent', async () => {
    await open(flow, 'mcp:read', { redirect_uri: 'https://elsewhere.example/callback' });
    await ends('error-redirect', 'does not accept: the address that it wants you sent back to (redirect_uri).');
  });

  it('a sign-in of another browser', async () => {
    await open(flow);
    const action = await page.getAttribute('#kc-form-login', 'action');
    await context.clearCookies();
    await page.goto(action!);
    await ends('error-cookie', 'The sign-in was not found');
  });

  it('a page that has expired', async () => {
    await open(flow);
    const action = await page.getAttribute('#kc-form-login', 'action');
    await signIn();
    await page.waitForSelector('#scopes');
    await page.goto(action!);
    await ends('expired', 'has expired');
    await page.getByRole('link', { name: 'Go on' }).click();
    await page.waitForSelector('#scopes');
  });

  it('signing out, which is asked about first', async () => {
    await open(flow);
    await signIn();
    await page.waitForSelector('#scopes');
    await page.goto(`${outputs.issuer}/protocol/openid-connect/logout`);
    await ends('sign-out', 'Sign out?');
    await page.click('#kc-logout');
    await page.waitForSelector('#kc-logout', { state: 'detached' });
    await ends('signed-out', 'You are signed out');
  });

  it.runIf(refusals.isPage)('an address that is not there', async () => {
    for (const path of ['/', '/auth/', '/auth/admin/']) expect((await page.goto(`${origin}${path}`))!.status()).toBe(404);
    await ends('missing', 'no such page');
  });
});

it('serves the style sheet for long, under an address that changes with it', async () => {
  await open(flow);
  const sheet = await page.evaluate(() => document.querySelector<HTMLLinkElement>('link[rel=stylesheet]')!.href);
  expect(new URL(sheet).search).toMatch(/^\?[0-9a-f]{8}$/);
  expect((await fetch(sheet)).headers.get('cache-control')).toMatch(/max-age=\d{6,}/);
});
