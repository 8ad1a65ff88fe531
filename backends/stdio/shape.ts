/** Some thousand levels more and writing it again would run out of stack. */
const MAX_DEPTH = 500;
/** Empty objects take 3 bytes each as text, and 100 in memory. */
const MAX_VALUES = 1_000_000;

/** Counts before JSON is parsed what parsing it would cost. @throws RangeError where that is too much stack or memory. */
export function checkShape(text: string): void {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === ']' || character === '}') depth -= 1;
    else if (character === ',') values += 1;
    else if (character === '[' || character === '{') {
      depth += 1;
      values += 1;
    }
    if (depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`);
    if (values > MAX_VALUES) throw new RangeError(`of more than ${MAX_VALUES} values`);
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
