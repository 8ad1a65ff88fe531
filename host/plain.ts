/**
 * What another machine or a program wrote, as text for a terminal. Control characters could move the cursor, hide what follows, or set
 * what is pasted next.
 */
export const plain = (text: string): string =>
  text
    .replace(/\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\n]*\x07?|[^\n])/g, '')
    .replace(/[^\P{Cc}\n\t]+/gu, ' ');
