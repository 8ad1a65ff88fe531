import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { join } from 'node:path';
import { writeDurably } from '../../engine/files.ts';
import type { EngineAddress } from '../docker.ts';
import { removeByHand } from '../standing-stack.ts';
import { stateDirectory } from '../stack-file.ts';
import { kinds, type Parts } from './parts.ts';

/** What became of a preview that was taken down. */
export interface Receipt {
  readonly name: string;
  readonly url?: string;
  readonly template?: string;
  /** When it was begun; the first time, where an earlier run was cut off. */
  readonly started: string;
  /** When all was looked at again; absent while it goes on, or where it was cut off. */
  readonly finished?: string;
  /** What was there, and is gone. */
  readonly removed: Parts;
  /** What was found afterwards. */
  readonly left: Parts;
  /** What nobody could look at, each with the remedy. */
  readonly unchecked: readonly string[];
}

export const noParts = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Parts;

export const isEmpty = (parts: Parts): boolean => kinds.every((kind) => parts[kind].length === 0);

/** Where it is kept when all else of the preview is gone. */
export const receiptPath = (name: string): string => join(stateDirectory, 'receipts', `${name}.json`);

/** Begins one: what an earlier run that was cut off has begun to remove was there too. */
export function beginReceipt(about: Pick<Receipt, 'name' | 'url' | 'template'>, found: Parts, before?: Receipt, now = new Date()): Receipt {
  const cutOff = before && before.finished === undefined ? before : undefined;
  const removed = union(cutOff?.removed ?? noParts, found);
  return { ...about, started: cutOff?.started ?? now.toISOString(), removed, left: noParts, unchecked: [] };
}

/** Ends it with what was found when all was removed. */
export function finishReceipt(receipt: Receipt, left: Parts, unchecked: readonly string[], now = new Date()): Receipt {
  const removed = Object.fromEntries(kinds.map((kind) => [kind, receipt.removed[kind].filter((part) => !left[kind].includes(part))])) as unknown as Parts;
  return { ...receipt, finished: now.toISOString(), removed, left, unchecked };
}

const parts = z.object(Object.fromEntries(kinds.map((kind) => [kind, z.array(z.string())])));
const shape = z.object({ name: z.string(), url: z.string().optional(), template: z.string().optional(), started: z.string(), finished: z.string().optional(), removed: parts, left: parts, unchecked: z.array(z.string()) });

export function readReceipt(name: string): Receipt | undefined {
  if (!existsSync(receiptPath(name))) return undefined;
  try {
    return shape.parse(JSON.parse(readFileSync(receiptPath(name), 'utf8'))) as unknown as Receipt;
  } catch {
    // A receipt that cannot be read must keep nobody from taking the preview down.
    return undefined;
  }
}

/** For people. */
export function receiptLines({ removed, left, unchecked }: Receipt): string[] {
  const lines = (parts: Parts) => kinds.filter((kind) => parts[kind].length > 0).map((kind) => `  ${kind.padEnd(10)}  ${parts[kind].join(' ')}`);
  return [
    ...(isEmpty(removed) ? ['Nothing of it was there.'] : ['Removed, and looked for afterwards:', ...lines(removed)]),
    ...(isEmpty(left) ? [] : ['LEFT:', ...lines(left)]),
    ...unchecked.map((what) => `Not looked at: ${what}.`),
  ];
}

/** How to get rid of what is left. */
export function remedies(name: string, left: Parts, engines: readonly EngineAddress[]): string[] {
  const { containers, networks, volumes, images } = left;
  const objects = { containers: [...containers], networks: [...networks], volumes: [...volumes], images: [...images] };
  return [
    `\`npm run preview -- down --name ${name}\` tries once more.`,
    ...(Object.values(objects).some((list) => list.length > 0) ? removeByHand(objects, engines) : []),
    ...left.firewall.map((table) => `Remove the firewall table ${table}: nft delete table inet …, as root there.`),
    ...[...left.dns, ...left.tunnels].map((what) => `Remove ${what} in Cloudflare’s dashboard.`),
    ...left.realms.map((realm) => `Remove the realm ${realm} in the admin console of that stack (npm run admin).`),
    ...(left.files.length > 0 ? [`Remove the files: rm ${left.files.join(' ')}`] : []),
  ];
}

const union = (one: Parts, other: Parts): Parts => Object.fromEntries(kinds.map((kind) => [kind, [...new Set([...(one[kind] ?? []), ...other[kind]])].sort()])) as unknown as Parts;

export function keepReceipt(receipt: Receipt): Receipt {
  writeDurably(receiptPath(receipt.name), `${JSON.stringify(receipt, null, 2)}\n`);
  return receipt;
}
