import { durationSeconds } from '../../infra/config/sessions.ts';
import { UsageError } from '../errors.ts';

/** A length of time as people write it, `72h`, in seconds. @throws UsageError naming the option */
export function lifetimeOf(text: string, option: string): number {
  const { success, data } = durationSeconds.safeParse(text);
  if (!success) throw new UsageError(`${option} ${text} is no length of time: write 90m, 72h or 14d.`);
  return data;
}

/** Seconds in the largest units that say enough: `3 d 4 h`, `5 h 12 min`, `42 s`. */
export function timeText(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
