/**
 * What another machine or a program wrote, as text for a terminal. Control characters could move the cursor, hide what follows, or set
 * what is pasted next; invisible ones (Cf) turn the direction of what follows around (U+202E, "Trojan Source").
 */
export const plain = (text: string): string =>
  text
    .replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\n]*\x07?|[^\n])/g, '')
    .replace(/[^\P{Cc}\n\t]+/gu, ' ')
    .replace(/\p{Cf}+/gu, '');

/** The same as JSON, in which those characters are escaped; `JSON.stringify` leaves most of them as they are. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(/[^\P{Cc}\n]|\p{Cf}/gu, (character) => character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`));
