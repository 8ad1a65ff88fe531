import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import type { Annotations } from './journal.ts';

const SECONDS = [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300];
/** Anything else is counted as one: a client can make up as many method names as it likes. */
const methods = new Set(['initialize', 'server/discover', 'tools/list', 'tools/call', 'resources/list', 'resources/read', 'prompts/list', 'prompts/get', 'subscriptions/listen']);

export type Snapshot = MetricObjectWithValues<MetricValue<string>>[];

/** What one worker counts. Labels come from the settings and fixed lists only, so their number is bounded. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({ name: 'drawbridge_requests_total', help: 'Requests to MCP servers', labelNames: ['server', 'method', 'status'], registers: [this.#registry] });
  readonly #seconds = new Histogram({ name: 'drawbridge_request_seconds', help: 'Time until a request was answered', labelNames: ['server'], buckets: SECONDS, registers: [this.#registry] });
  readonly #refused = new Counter({ name: 'drawbridge_refused_total', help: 'Requests refused', labelNames: ['server', 'reason'], registers: [this.#registry] });
  readonly #failed = new Counter({ name: 'drawbridge_backend_failures_total', help: 'Requests that the backend did not answer', labelNames: ['server'], registers: [this.#registry] });

  constructor(openAnswers: () => number) {
    new Gauge({ name: 'drawbridge_open_answers', help: 'Calls and streams under way', registers: [this.#registry], collect() { this.set(openAnswers()); } });
  }

  count({ server, mcpMethod, refused, backend }: Annotations, status: number, milliseconds: number): void {
    if (server === undefined) return;
    this.#requests.inc({ server, method: mcpMethod !== undefined && methods.has(mcpMethod) ? mcpMethod : 'other', status });
    this.#seconds.observe({ server }, milliseconds / 1000);
    if (refused !== undefined) this.#refused.inc({ server, reason: refused });
    if (backend !== undefined) this.#failed.inc({ server });
  }

  snapshot(): Promise<Snapshot> {
    return this.#registry.getMetricsAsJSON();
  }
}

/** Figures of the whole process. */
export interface Totals {
  readonly sessions: number;
  /** Server → whether its backend can be reached. */
  readonly backends: Readonly<Record<string, boolean>>;
}

/** The metrics of all workers and the process as Prometheus reads them (text format 0.0.4). */
export async function exposition(snapshots: readonly Snapshot[], { sessions, backends }: Totals): Promise<string> {
  const registry = new Registry();
  new Gauge({ name: 'drawbridge_sessions', help: 'Sessions of clients of earlier protocol versions', registers: [registry] }).set(sessions);
  new Gauge({ name: 'drawbridge_resident_bytes', help: 'Memory of the process', registers: [registry] }).set(process.memoryUsage.rss());
  const up = new Gauge({ name: 'drawbridge_backend_up', help: 'Whether the backend can be reached', labelNames: ['server'], registers: [registry] });
  for (const [server, reachable] of Object.entries(backends)) up.set({ server }, reachable ? 1 : 0);
  return `${await AggregatorRegistry.aggregate([...snapshots]).metrics()}${await registry.metrics()}`;
}
