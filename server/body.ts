import type { IncomingMessage } from 'node:http';
import { MessageError } from './json-rpc.ts';

// RFC 9110 §8.3.1: the type is case-insensitive, and only parameters may follow.
const jsonType = /^application\/json\s*(?:;|$)/i;

/**
 * Reads the body of a POST, at most `limit` bytes.
 * @throws MessageError when it is no JSON, too large, or not all there
 */
export function readBody(req: IncomingMessage, limit: number): Promise<string> {
  if (!jsonType.test(req.headers['content-type'] ?? '')) throw new MessageError(415, -32600, 'Content-Type must be application/json');
  // Nothing inflates beyond the limit, and no second reader sees another body than this one.
  if (req.headers['content-encoding'] !== undefined) throw new MessageError(415, -32600, 'The body must not be compressed');
  if (Number(req.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        req.pause();
        reject(tooLarge(limit));
      } else chunks.push(chunk);
    });
    req.on('end', () => {
      if (size === 0) return reject(new MessageError(400, -32700, 'The body is empty'));
      resolve(chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks, size).toString());
    });
    // Also when the client goes away before it has sent everything.
    req.on('error', reject);
  });
}

function tooLarge(limit: number): MessageError {
  return new MessageError(413, -32600, `The body is larger than ${limit} bytes`);
}
