/** One measured figure. With a baseline, measured in the same run, `ratio` is value ÷ baseline: machines differ, ratios less. */
export interface Figure {
  name: string;
  value: number;
  unit: 's' | 'ms' | 'MB' | 'kB' | 'requests/s';
  baseline?: number;
  ratio?: number;
  /** What was aimed at, and whether it was reached. */
  goal?: string;
}

const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

export const seconds = (name: string, value: number): Figure => ({ name, value: rounded(value, 2), unit: 's' });
export const milliseconds = (name: string, value: number): Figure => ({ name, value: rounded(value, 2), unit: 'ms' });
export const megabytes = (name: string, bytes: number): Figure => ({ name, value: rounded(bytes / 1e6, 0), unit: 'MB' });
export const kilobytes = (name: string, bytes: number): Figure => ({ name, value: rounded(bytes / 1e3, 1), unit: 'kB' });
export const requestsPerSecond = (name: string, value: number): Figure => ({ name, value: rounded(value, 0), unit: 'requests/s' });

/** The figure beside another one of the same unit. */
export const against = (figure: Figure, { value: baseline }: Figure): Figure => ({ ...figure, baseline, ratio: rounded(figure.value / baseline, 3) });

/** The figure with what was aimed at. */
export const aimed = (figure: Figure, at: string, reached: boolean): Figure => ({ ...figure, goal: `${at}: ${reached ? 'reached' : 'missed'}` });

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
    .map(({ name, value, unit, ratio, goal }) =>
      [
        name.padEnd(width),
        `${String(value).padStart(8)} ${unit}`,
        ...(ratio === undefined ? [] : [`(${ratio.toFixed(2)} × baseline)`]),
        ...(goal ? [goal] : []),
      ].join('  '),
    )
    .join('\n');
}
