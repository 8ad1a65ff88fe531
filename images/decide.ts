import type { Report } from './command.ts';
import type { ImageEngine } from './engine.ts';
import { officialReference, versions, type BaseName } from './versions.ts';

export interface Base {
  /** Reference for a `FROM` or a container: by digest where it is official, by tag where it is a stand-in. */
  readonly image: string;
  readonly kind: 'official' | 'stand-in';
}

/** What DRAWBRIDGE_BASES says; `undefined` leaves it to what answers. */
export type Wish = Base['kind'] | undefined;

export interface DecisionOptions {
  readonly wish: Wish;
  readonly engine: Pick<ImageEngine, 'registryDigest'>;
  /** Makes the stand-in if it is missing and returns its tag. */
  readonly standIn: (name: BaseName) => Promise<string>;
  readonly report: Report;
}

/** How long a registry may take to name a digest. Several round trips to a slow one fit. */
const registryTimeoutMilliseconds = 10_000;

/** Reads the wish from DRAWBRIDGE_BASES. Empty is no wish; an unknown word is an error. */
export function parseWish(value: string | undefined): Wish {
  if (value === undefined || value === '') return undefined;
  if (value === 'official' || value === 'stand-in') return value;
  throw new RangeError(`DRAWBRIDGE_BASES is "${value}": it takes official or stand-in.`);
}

/**
 * The base image for `name`: the official one by the digest that its registry names now, or the stand-in where no
 * registry answers. A registry that answers "no such image" is an error: a wrong tag must not turn into another image.
 */
export async function decideBase(name: BaseName, options: DecisionOptions): Promise<Base> {
  if (options.wish === 'stand-in') return { image: await options.standIn(name), kind: 'stand-in' };
  const reference = officialReference(name);
  try {
    const digest = await options.engine.registryDigest(reference, registryTimeoutMilliseconds);
    options.report(`official image ${reference}`);
    return { image: `${versions[name].repository}@${digest}`, kind: 'official' };
  } catch (error) {
    const reason = (error as Error).message.trim();
    if (isRegistryAnswer(error as Error)) {
      throw new Error(
        `The image registry refuses ${reference}: ${reason}\n` +
          'Check its tag in images/versions.ts and the engine\'s `docker login`; DRAWBRIDGE_BASES=stand-in goes without the registry.',
        { cause: error },
      );
    }
    if (options.wish === 'official') {
      throw new Error(
        `DRAWBRIDGE_BASES=official, but no image registry answers for ${reference}: ${reason}\n` +
          'Give the engine a way to the registry, or unset DRAWBRIDGE_BASES to use stand-ins.',
        { cause: error },
      );
    }
    options.report(`no image registry answers for ${reference} (${reason}): using a stand-in`);
    return { image: await options.standIn(name), kind: 'stand-in' };
  }
}

/**
 * Whether an engine's error repeats what a registry said: by its status, or on engines that answer 500 to everything,
 * by the error codes of the OCI distribution specification. Anything else (no name, no route, a filter's own page in
 * place of the registry) is no registry.
 */
function isRegistryAnswer(error: Error & { statusCode?: number }): boolean {
  if (/error parsing HTTP \d+ response body/.test(error.message)) return false;
  if ([401, 403, 404, 429].includes(error.statusCode ?? 0)) return true;
  return /\b(manifest|name) unknown\b|\bunauthorized: |\btoomanyrequests: /.test(error.message);
}
