import { createHash } from 'node:crypto';
import { UsageError } from '../errors.ts';

/**
 * The longest name, in characters. A realm of its own is called `preview-NAME`, of at most 36; a stack's name may have 31, and a DNS label
 * 63 (RFC 1035 §2.3.4).
 */
export const LONGEST = 28;

/** A label of a host name (RFC 1123 §2.1) in small letters, which is a stack's name too. */
const NAME = new RegExp(`^[a-z0-9]([a-z0-9-]{0,${LONGEST - 2}}[a-z0-9])?$`);

/**
 * The name of a preview is refused rather than changed: whoever brings one up under one name and takes it down under another leaves it behind.
 * @throws UsageError with a name that would do
 */
export function checkPreviewName(name: string): string {
  if (NAME.test(name)) return name;
  const fit = fitting(name);
  throw new UsageError(
    `--name ${name} is no name for a preview: it becomes a host name and a stack, so that it has lower-case letters, digits and dashes, none at an end, and at most ${LONGEST} characters.${fit ? ` ${fit} would do.` : ''}`,
  );
}

/** A name made of another, always the same one. What is cut off is made up for by a hash, so that two long ones do not become one. */
function fitting(name: string): string {
  const label = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  if (label.length <= LONGEST) return label;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `${label.slice(0, LONGEST - 7).replace(/-$/, '')}-${hash}`;
}
