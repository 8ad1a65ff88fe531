// Run by the container's health check: `node server/healthcheck.ts [PORT]`. Exits with 0 when the server takes requests.
const port = process.argv[2] ?? '8081';
const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined);
process.exit(response?.ok ? 0 : 1);
