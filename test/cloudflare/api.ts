import type { ResponseInfo } from 'cloudflare/resources/shared';
import type { Access } from './permissions.ts';

/** An error as Cloudflare lists it. Rulesets refuse without a code (cloudflare-docs#22808), tokens with a chain of codes. */
export type ListedError = Omit<ResponseInfo, 'code'> & { code?: number; error_chain?: ResponseInfo[] };

/** A call that Cloudflare refuses. There is no list of its codes: those here stand in public threads, or it is said that they do not. */
export class Refused extends Error {
  readonly status: number;
  readonly errors: ListedError[];

  constructor(status: number, ...errors: ListedError[]) {
    super(errors[0]?.message);
    this.status = status;
    this.errors = errors;
  }
}

export interface Answer {
  status?: number;
  result?: unknown;
  result_info?: object;
  messages?: ResponseInfo[];
}

export interface Call {
  /** What the path names: `account`, `zone`, `tunnel`, … */
  at: Record<string, string>;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** The token that calls, as it was issued. */
  token: string;
}

export interface Route {
  method: string;
  path: RegExp;
  access: Access;
  handle: (call: Call) => Answer;
}

/** A route such as `GET /zones/:zone/dns_records`, below the base of the API. */
export function route(of: string, access: Access, handle: (call: Call) => Answer): Route {
  const [method, path] = of.split(' ') as [string, string];
  return { method, path: new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`), access, handle };
}

/** A page of a list, by `page` and `per_page` (Cloudflare API, "Pagination"). */
export function page<Item>(items: Item[], query: URLSearchParams, defaultSize: number): Answer {
  const number = Number(query.get('page') ?? 1);
  const size = Number(query.get('per_page') ?? defaultSize);
  const result = items.slice((number - 1) * size, number * size);
  return { result, result_info: { page: number, per_page: size, count: result.length, total_count: items.length, total_pages: Math.ceil(items.length / size) } };
}

/** Ids of zones, records and rulesets are 32 hexadecimal digits. */
export const identifier = () => crypto.randomUUID().replaceAll('-', '');

export const now = () => new Date().toISOString();
