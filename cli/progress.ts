import type { WriteStream } from 'node:tty';
import { plain } from '../host/plain.ts';

/** Shows steps while they run. Every step has an id of its own; labels are whole phrases (`creating container server`). */
export interface Progress {
  start(id: string, label: string): void;
  /** The newest line of a running step's output. */
  line(id: string, line: string): void;
  finish(id: string, label: string, seconds?: number): void;
  fail(id: string, label: string): void;
  /** A line that belongs to no step. */
  say(line: string): void;
  /** Leaves the screen in order. Steps that still run are dropped from it. */
  close(): void;
}

export interface ProgressOptions {
  stream: Pick<WriteStream, 'write' | 'columns'>;
  /** Redraws running steps in place; otherwise one line per start and end, as a log file wants it. */
  live: boolean;
  /** Milliseconds. Default: the process's clock. */
  now?: () => number;
}

/** How often a line tells in a log file that a step still runs, in milliseconds. */
const HEARTBEAT = 15_000;
/** How often running steps are redrawn on a terminal, in milliseconds. */
const REDRAW = 250;

interface Running {
  label: string;
  since: number;
  line: string;
}

export function createProgress({ stream, live, now = () => performance.now() }: ProgressOptions): Progress {
  const running = new Map<string, Running>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  const write = (text: string) => void stream.write(text);
  const elapsed = (step: Running) => (now() - step.since) / 1000;
  const status = (step: Running) => `${step.label}  ${Math.floor(elapsed(step))} s${step.line && `  ${step.line}`}`;

  /** Replaces what is drawn of the running steps, with `lines` above it for good. */
  function draw(lines: readonly string[] = []): void {
    // A terminal without a size says 0.
    const width = (stream.columns || 80) - 1;
    const block = live ? [...running.values()].map((step) => fit(`  · ${status(step)}`, width)) : [];
    const erase = drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : '';
    drawn = block.length;
    write(erase + [...lines, ...block].map((line) => `${line}\n`).join(''));
  }

  function tick(): void {
    if (live) return draw();
    draw([...running.values()].map((step) => `  … ${status(step)}`));
  }

  function end(id: string): Running | undefined {
    const step = running.get(id);
    running.delete(id);
    if (running.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    return step;
  }

  return {
    start(id, label) {
      running.set(id, { label, since: now(), line: '' });
      // A timer must not keep the process alive after a failure.
      timer ??= setInterval(tick, live ? REDRAW : HEARTBEAT).unref();
      draw(live ? [] : [`    ${label} …`]);
    },
    line(id, line) {
      const step = running.get(id);
      const clean = plain(line).replace(/\s+/g, ' ').trim();
      if (step && clean) step.line = clean;
    },
    finish(id, label, seconds) {
      const step = end(id);
      const took = seconds ?? (step && elapsed(step));
      draw([`  ✓ ${label}${took === undefined ? '' : `  ${duration(took)}`}`]);
    },
    fail(id, label) {
      end(id);
      draw([`  ✗ ${label}`]);
    },
    say: (line) => draw([plain(line)]),
    close() {
      running.clear();
      end('');
      if (drawn > 0) draw();
    },
  };
}

/** @param seconds up to a minute with a tenth: `12.3 s`, `2 min 05 s` */
export function duration(seconds: number): string {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

function fit(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}
