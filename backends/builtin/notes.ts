/** Most users whose notes are kept at once. Past it, those who wrote longest ago lose theirs. */
export const MAX_SUBJECTS = 200;
/** Most notes of one user. */
export const MAX_NOTES = 20;
/** Longest note, in UTF-16 code units. With the limits above all notes together stay below 40 MB. */
export const MAX_LENGTH = 4000;

/** Notes in memory, each user's apart. They are for trying things out, and are gone after a restart. */
export class Notes {
  readonly #bySubject = new Map<string, Map<string, string>>();

  names(subject: string): string[] {
    return [...(this.#bySubject.get(subject)?.keys() ?? [])];
  }

  read(subject: string, name: string): string | undefined {
    return this.#bySubject.get(subject)?.get(name);
  }

  /** @returns whether there was room for it. */
  write(subject: string, name: string, text: string): boolean {
    const notes = this.#bySubject.get(subject) ?? new Map<string, string>();
    if (!notes.has(name) && notes.size >= MAX_NOTES) return false;
    notes.set(name, text);
    // A map keeps the order of insertion: writing again moves a user to its end.
    this.#bySubject.delete(subject);
    this.#bySubject.set(subject, notes);
    for (const oldest of this.#bySubject.keys()) {
      if (this.#bySubject.size <= MAX_SUBJECTS) break;
      this.#bySubject.delete(oldest);
    }
    return true;
  }
}
