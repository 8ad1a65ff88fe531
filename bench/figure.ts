/** One measured figure. With a baseline, measured in the same run, `ratio` is value ÷ baseline: machines differ, ratios less. */
export interface Figure {
  name: string;
  value: number;
  unit: 's' | 'MB';
  baseline?: number;
  ratio?: number;
}

export const seconds = (name: string, value: number): Figure => ({ name, value: Math.round(value * 100) / 100, unit: 's' });
export const megabytes = (name: string, bytes: number): Figure => ({ name, value: Math.round(bytes / 1e6), unit: 'MB' });

/** Runs a piece of work and gives how long it took, in seconds. */
export async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; took: number }> {
  const start = performance.now();
  const result = await work();
  return { result, took: (performance.now() - start) / 1000 };
}

/** The figures as a table for people. */
export function table(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  return figures
    .map(({ name, value, unit, ratio }) => `${name.padEnd(width)}  ${String(value).padStart(8)} ${unit}${ratio === undefined ? '' : `  (${ratio.toFixed(2)} × baseline)`}`)
    .join('\n');
}
