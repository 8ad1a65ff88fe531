import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

/** Default cached file extensions (Cloudflare's docs, "Default cache behavior"). */
const STATIC = new Set(
  '7z avi avif apk bin bmp bz2 class css csv doc docx dmg ejs eot eps exe flac gif gz ico iso jar jpg jpeg js mid midi mkv mp3 mp4 ogg otf pdf pict pls png ppt pptx ps rar svg svgz swf tar tif tiff ttf webm webp woff woff2 xls xlsx zip zst'.split(' '),
);
/** Seconds that an answer is kept whose headers say nothing. */
const DEFAULT_TTL: Readonly<Record<number, number>> = { 200: 7200, 206: 7200, 301: 7200, 302: 1200, 303: 1200, 404: 180, 410: 180 };

/** What the last matching cache rule says (Cloudflare's docs, "Cache Rules settings"). */
export interface CacheSettings {
  readonly cache?: boolean;
  readonly edge_ttl?: { readonly mode: string; readonly default?: number };
}

export interface CachedAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly storedAt: number;
  readonly until: number;
}

export type Eligibility = 'eligible' | 'BYPASS' | 'DYNAMIC';

/** Whether an answer may be kept and served again: by its file extension, unless a rule decides. */
export function eligibility(method: string, path: string, { cache }: CacheSettings): Eligibility {
  if (cache === false) return 'BYPASS';
  const extension = /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase();
  const wanted = cache === true || STATIC.has(extension ?? '') || path === '/robots.txt';
  return wanted && (method === 'GET' || method === 'HEAD') ? 'eligible' : 'DYNAMIC';
}

/** Seconds for which an answer is kept; 0: not at all. */
export function lifetime(request: IncomingHttpHeaders, status: number, response: IncomingHttpHeaders, { edge_ttl }: CacheSettings): number {
  if (edge_ttl?.mode === 'override_origin') return edge_ttl.default ?? 0;
  const control = response['cache-control'] ?? '';
  if (response['set-cookie'] || /\b(private|no-store|no-cache)\b/i.test(control)) return 0;
  // RFC 9111 §3.5.
  if (request.authorization && !/\b(public|must-revalidate|s-maxage)\b/i.test(control)) return 0;
  const age = /\bs-maxage=(\d+)/i.exec(control) ?? /\bmax-age=(\d+)/i.exec(control);
  if (age) return Number(age[1]);
  if (response.expires) return Math.max(0, (Date.parse(response.expires) - Date.now()) / 1000 || 0);
  return DEFAULT_TTL[status] ?? 0;
}

/** Kept answers by URL and the encodings that the client takes. */
export class EdgeCache {
  readonly #answers = new Map<string, CachedAnswer>();

  key(host: string, target: string, headers: IncomingHttpHeaders): string {
    return `${host}${target} ${String(headers['accept-encoding'] ?? '')}`;
  }

  find(key: string): CachedAnswer | undefined {
    const answer = this.#answers.get(key);
    return answer && answer.until > Date.now() ? answer : undefined;
  }

  keep(key: string, answer: Omit<CachedAnswer, 'storedAt' | 'until'>, seconds: number): void {
    this.#answers.set(key, { ...answer, storedAt: Date.now(), until: Date.now() + seconds * 1000 });
  }
}
