const NEW_LINE = 0x0a;

/** Cuts a stream of bytes into lines of text. `tooLong` is called instead when a line has more than `limit` bytes. */
export function splitLines(limit: number, onLine: (line: string) => void, tooLong: () => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): boolean => {
    parts.push(part);
    length += part.length;
    return length <= limit;
  };
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(NEW_LINE); end >= 0; end = chunk.indexOf(NEW_LINE, from)) {
      if (!add(chunk.subarray(from, end))) return tooLong();
      const line = Buffer.concat(parts).toString('utf8').trim();
      from = end + 1;
      parts = [];
      length = 0;
      if (line !== '') onLine(line);
    }
    if (!add(chunk.subarray(from))) tooLong();
  };
}
