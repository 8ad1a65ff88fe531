import { providerOf } from './providers/index.ts';
import type { Entry } from './state.ts';
import { recorded, type Run } from './steps.ts';

/**
 * Deletes resources, each as soon as all that depend on it are gone.
 * One that cannot be deleted is noted as a failure, and what it depends on stays.
 * @param reason of the events; a replaced resource gets its own
 */
export async function deleteEntries(run: Run, entries: readonly Entry[], reason?: string): Promise<void> {
  const remaining = new Set(entries);
  const running = new Map<Entry, Promise<void>>();
  while (remaining.size > 0) {
    const waiting = [...remaining].filter((entry) => !running.has(entry));
    let ready = waiting.filter((entry) => ![...remaining].some((other) => other !== entry && needs(other, entry)));
    // Entries of different generations may point at each other in a circle.
    if (ready.length === 0 && running.size === 0) ready = waiting.slice(0, 1);
    if (run.signal.aborted) ready = [];
    for (const entry of ready) {
      const work = deleteEntry(run, entry, reason).then(
        () => void remaining.delete(entry),
        () => dropWithNeeds(entry, remaining),
      );
      running.set(entry, work.finally(() => running.delete(entry)));
    }
    if (running.size === 0) return;
    await Promise.race(running.values());
  }
}

const needs = (entry: Entry, other: Entry): boolean => entry.parent === other.urn || entry.provider === other.urn || entry.dependencies.includes(other.urn);

/** Takes an entry that stays out of the work, and with it all that it needs. */
function dropWithNeeds(entry: Entry, remaining: Set<Entry>): void {
  remaining.delete(entry);
  for (const other of [...remaining]) if (needs(entry, other)) dropWithNeeds(other, remaining);
}

async function deleteEntry(run: Run, entry: Entry, reason: string | undefined): Promise<void> {
  const { state, preview } = run;
  if (!entry.custom) {
    if (!preview) state.remove(entry);
    return;
  }
  // A replaced or cleared resource was accounted for, or will be, as one replacement.
  const counted = !entry.condemned && reason === undefined;
  const why = reason ?? (entry.condemned ? 'replaced' : undefined);
  if (preview) {
    if (counted) run.changes.delete++;
    run.emit({ kind: 'planned', urn: entry.urn, type: entry.type, name: entry.name, action: 'delete', reason: why, retained: entry.retainOnDelete });
    return;
  }
  await run.step(entry, 'delete', why, async (step) => {
    if (!entry.retainOnDelete) {
      entry.pending = 'delete';
      state.save();
      const successor = entry.condemned ? state.get(entry.urn) : undefined;
      await providerOf(entry.type, entry.name).remove(recorded(entry), step, successor && recorded(successor));
    }
    state.remove(entry);
    state.save();
  }, counted);
}
