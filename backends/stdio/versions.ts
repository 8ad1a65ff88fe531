import { isObject, type Message, codes } from './messages.ts';

/** First version without handshake and sessions. */
export const modernVersion = '2026-07-28';
export const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26'];

/** Versions are dates; those to come are modern too, and the server itself says whether it speaks them. */
export function isModern(version: string | undefined): boolean {
  return version !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(version) && version >= modernVersion;
}

/** Asks a server whether it is modern (2026-07-28, stdio, "Backward Compatibility"). */
export const discoverParams = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientInfo': { name: 'drawbridge', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
};

/** Whether the answer to `server/discover` is one that only modern servers give: a result, or an error of theirs. Any other error is a legacy server's. */
export function isModernAnswer({ result, error }: Message): boolean {
  if (error) return error.code === codes.unsupportedVersion && isObject(error.data) && Array.isArray(error.data.supported);
  return Array.isArray(result?.supportedVersions);
}
