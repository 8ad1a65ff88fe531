/** Lines of an nginx configuration: each a line, or a block, which is its opening line, what it holds, its closing line. */
export type Lines = readonly (string | Lines)[];

/** The text of a configuration, indented by two spaces a block. */
export function render(lines: Lines, indent = ''): string {
  return lines
    .map((line) => {
      if (typeof line === 'string') return `${indent}${line}\n`;
      const [opening, ...rest] = line;
      const closing = rest.pop();
      return `${indent}${String(opening)}\n${render(rest, `${indent}  `)}${indent}${String(closing)}\n`;
    })
    .join('');
}
