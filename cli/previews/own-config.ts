import { type Config, ConfigError, parseConfig } from '../../infra/config.ts';
import { UsageError } from '../errors.ts';
import { hasStackFile, readStackConfig, readStackValues } from '../stack-file.ts';
import { changesFor } from './changes.ts';
import type { PreviewRecord } from './record.ts';

/**
 * The config of a preview: of its own file or, where that is on another machine or no longer right, as it was made from its template's.
 * @returns undefined where neither can be had here
 */
export function configOfPreview(name: string, record: PreviewRecord): Config | undefined {
  return readable(() => (hasStackFile(name) ? readStackConfig(name) : undefined)) ?? readable(() => madeFrom(name, record));
}

function madeFrom(name: string, { template, localPort, firstPort, keycloakOf, issuer }: PreviewRecord): Config | undefined {
  if (!hasStackFile(template)) return undefined;
  const { values, problems } = readStackValues(template);
  const shared = keycloakOf !== undefined && issuer !== undefined ? { stack: keycloakOf, issuer } : undefined;
  return parseConfig({ ...values, ...changesFor(name, parseConfig(values, problems), { ports: { localPort, firstPort }, shared }) });
}

/** A file that is wrong must keep nobody from taking the preview down. */
function readable(read: () => Config | undefined): Config | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError || error instanceof UsageError) return undefined;
    throw error;
  }
}
