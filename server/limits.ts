import { createHmac } from 'node:crypto';
import type { Settings } from './settings.ts';

/** Slots of each of two tables. They never grow, however many addresses an attacker has. */
const SLOTS = 1 << 16;
const MINUTE = 60_000;
/** Bytes of request bodies in memory at the same time: a call is held until it is answered. */
const BODIES_OF_USER = 16 * 1024 * 1024;
const BODIES_OF_PROCESS = 64 * 1024 * 1024;

/** Keys whose slots a worker keeps in mind. */
const REMEMBERED = 10_000;

/** A slot in each of the two tables. */
type Slots = readonly [number, number];

const SUM = 2 * SLOTS;
const SMALL = 64 * 1024;

/** Memory that all workers of a process share, so that a limit holds for all of them together. */
export interface SharedLimits {
  readonly seed: string;
  /** Milliseconds since the epoch. */
  readonly times: SharedArrayBuffer;
  readonly counts: SharedArrayBuffer;
  /** Like the others, and one more for the sum. */
  readonly bytes: SharedArrayBuffer;
}

export function shareLimits(seed: string): SharedLimits {
  return { seed, times: new SharedArrayBuffer(2 * SLOTS * 8), counts: new SharedArrayBuffer(2 * SLOTS * 4), bytes: new SharedArrayBuffer((2 * SLOTS + 1) * 4) };
}

/**
 * Limits for users and addresses. Each key has a slot in each table, and is refused only when both refuse it: two keys that
 * share one slot by chance do not disturb each other. The seed keeps anyone from choosing such keys.
 */
export class Limits {
  readonly #limits: Settings['limits'];
  readonly #seed: string;
  readonly #times: Float64Array;
  readonly #counts: Int32Array;
  readonly #bytes: Int32Array;
  readonly #users = new Map<string, Slots>();
  readonly #addresses = new Map<string, Slots>();

  constructor(limits: Settings['limits'], shared: SharedLimits) {
    this.#limits = limits;
    this.#seed = shared.seed;
    this.#times = new Float64Array(shared.times);
    this.#counts = new Int32Array(shared.counts);
    this.#bytes = new Int32Array(shared.bytes);
  }

  /** @returns 0, or the seconds after which the user may try again. */
  takeUser(subject: string): number {
    return this.#take(this.#user(subject), this.#limits.perUser);
  }

  /** Counts calls that came along with another. They are made in any case: what comes after them waits for longer. */
  chargeUser(subject: string, calls: number): void {
    if (calls === 0) return;
    const slots = this.#user(subject);
    this.#raise(slots, this.#usedUp(slots, Date.now()) + (calls * MINUTE) / this.#limits.perUser);
  }

  /** @returns 0, or the seconds after which the address may try again. */
  takeAddress(address: string): number {
    return this.#take(this.#slotsOf('address', address, this.#addresses), this.#limits.perAddress);
  }

  /** Counts one more call or stream of a user. @returns false when there are too many; then nothing was counted. */
  enter(subject: string): boolean {
    const [a, b] = this.#user(subject);
    if (Math.min(Atomics.load(this.#counts, a), Atomics.load(this.#counts, b)) >= this.#limits.concurrent) return false;
    Atomics.add(this.#counts, a, 1);
    Atomics.add(this.#counts, b, 1);
    return true;
  }

  /** Takes room for a body of a user. @returns false when there is none; then nothing was taken. */
  hold(subject: string, bytes: number): boolean {
    const [a, b] = this.#user(subject);
    const held = Math.min(Atomics.load(this.#bytes, a), Atomics.load(this.#bytes, b));
    // Small calls always find room in a process that is full of large ones.
    const full = bytes > SMALL && Atomics.load(this.#bytes, SUM) + bytes > BODIES_OF_PROCESS;
    if (full || held + bytes > BODIES_OF_USER) return false;
    for (const slot of [a, b, SUM]) Atomics.add(this.#bytes, slot, bytes);
    return true;
  }

  /** Gives back what `hold` took. */
  release(subject: string, bytes: number): void {
    for (const slot of [...this.#user(subject), SUM]) Atomics.sub(this.#bytes, slot, bytes);
  }

  /** The end of what `enter` counted. */
  leave(subject: string): void {
    const [a, b] = this.#user(subject);
    Atomics.sub(this.#counts, a, 1);
    Atomics.sub(this.#counts, b, 1);
  }

  /**
   * The generic cell rate algorithm (ITU-T I.371): a slot holds the time at which the key will have used up what it was
   * given. Two workers that meet in a slot may let one request too many pass, which a limit of this kind can bear.
   */
  #take(slots: Slots, perMinute: number): number {
    const interval = MINUTE / perMinute;
    const burst = Math.max(interval, MINUTE / 4);
    const now = Date.now();
    const next = this.#usedUp(slots, now) + interval;
    const wait = next - now - burst;
    if (wait > 0) return Math.ceil(wait / 1000);
    this.#raise(slots, next);
    return 0;
  }

  #usedUp([a, b]: Slots, now: number): number {
    return Math.max(now, Math.min(this.#times[a]!, this.#times[b]!));
  }

  #raise([a, b]: Slots, time: number): void {
    if (this.#times[a]! < time) this.#times[a] = time;
    if (this.#times[b]! < time) this.#times[b] = time;
  }

  #user(subject: string): Slots {
    return this.#slotsOf('user', subject, this.#users);
  }

  #slotsOf(kind: string, key: string, known: Map<string, Slots>): Slots {
    let slots = known.get(key);
    if (slots === undefined) {
      const digest = createHmac('sha256', this.#seed).update(`${kind} ${key}`).digest();
      slots = [digest.readUInt16LE(0), SLOTS + digest.readUInt16LE(2)];
      if (known.size >= REMEMBERED) known.clear();
      known.set(key, slots);
    }
    return slots;
  }
}
