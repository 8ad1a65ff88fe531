import { isMap, isNode, isScalar, parseDocument, type YAMLMap } from 'yaml';

/**
 * Sets a whole number in a map in a map of a YAML text, and leaves all else as it was written, to the last space. What is not there
 * yet is added.
 * @throws Error where something on the way is no map that is written out, such as an alias
 */
export function setNumber(text: string, [root, name, key]: readonly [string, string, string], value: number): string {
  const document = parseDocument(text);
  const splice = ([start, end]: readonly number[], replacement: string) => `${text.slice(0, start)}${replacement}${text.slice(end)}`;

  const before: unknown = document.getIn([root, name, key], true);
  if (isScalar(before) && before.range) return splice(before.range, String(value));
  for (const [at, child, entry] of [[[root, name], key, `${key}: ${value}`], [[root], name, `${name}: { ${key}: ${value} }`]] as const) {
    const map: unknown = document.getIn(at, true);
    if (!isMap(map) || !map.range) continue;
    if (map.has(child)) throw new Error(`${child} is not written out`);
    const first = rangeOf(map.items[0]?.key)?.[0];
    if (first === undefined) return splice(map.range, `{ ${entry} }`);
    if (map.flow) return splice([first, first], `${entry}, `);
    const end = endOf(map, text);
    return splice([end, end], `\n${' '.repeat(first - (text.lastIndexOf('\n', first - 1) + 1))}${entry}`);
  }
  if (document.get(root)) throw new Error(`${root} is not written out`);
  document.set(root, { [name]: { [key]: value } });
  return document.toString();
}

const rangeOf = (node: unknown) => (isNode(node) ? node.range : undefined);

/** The end of the last line of a block map, after a comment on it. */
function endOf(map: YAMLMap, text: string): number {
  const newline = text.indexOf('\n', (rangeOf(map.items.at(-1)?.value)?.[1] ?? map.range![1]) - 1);
  return newline === -1 ? text.length : newline;
}
