import Cloudflare from 'cloudflare';
import { expect } from 'vitest';
import { ALL_PERMISSIONS } from './permissions.ts';
import type { CloudflareSimulation } from './simulation.ts';

export { ALL_PERMISSIONS };

/** Cloudflare's own SDK against the simulation, which by default may do everything, and does not try again. */
export const sdk = (cloudflare: CloudflareSimulation, apiToken = cloudflare.tokenWith(ALL_PERMISSIONS), maxRetries = 0) => new Cloudflare({ apiToken, baseURL: cloudflare.url, maxRetries });

/** What the SDK throws: with this status, code and part of the message. */
export const refusal = (status: number, code?: number, message = '') =>
  expect.objectContaining({ status, errors: [expect.objectContaining({ ...(code !== undefined && { code }), message: expect.stringContaining(message) })] });

/** All items of all pages. */
export async function all<Item>(pages: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of pages) items.push(item);
  return items;
}
