/** What the edge answers in an origin's place: HTTP status, Cloudflare's own code, and its words. */
export interface EdgeError {
  readonly status: number;
  readonly code: number;
  readonly title: string;
}

/** Cloudflare's docs, "Cloudflare 1xxx errors" and "Cloudflare 5xx errors". */
export const edgeErrors = {
  noRecord: { status: 409, code: 1001, title: 'DNS resolution error' },
  botBlocked: { status: 403, code: 1010, title: 'Sorry, you have been blocked' },
  ruleBlocked: { status: 403, code: 1020, title: 'Access denied' },
  noConnector: { status: 530, code: 1033, title: 'Cloudflare Tunnel error' },
  badGateway: { status: 502, code: 502, title: 'Bad gateway' },
  timedOut: { status: 524, code: 524, title: 'A timeout occurred' },
} satisfies Record<string, EdgeError>;

/** A page like those of Cloudflare, for people. */
export function errorPage({ code, title }: EdgeError, host: string, ray: string): string {
  return `<!DOCTYPE html><html lang="en-US"><head><title>${title} | ${host} | Simulation of Cloudflare</title></head><body><h1>Error ${code}</h1><h2>${title}</h2><p>Ray ID: ${ray}</p></body></html>`;
}
