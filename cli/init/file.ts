import { chmodSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, isScalar, parse, parseDocument, visit, YAMLMap } from 'yaml';
import { writeDurably } from '../../engine/files.ts';
import { decoded } from '../../infra/config/decoded.ts';
import { CommandError, UsageError } from '../errors.ts';
import type { Values } from './answers.ts';

const NAMESPACE = 'drawbridge:';
const WIDTH = 120;

export interface StackFile {
  readonly path: string;
  /** Empty where there is none yet. */
  readonly text: string;
}

/** @throws UsageError where it is no YAML with a map, or has aliases, of which some may be of what is replaced */
export function readStackFile(directory: string, stack: string): StackFile {
  const link = join(directory, `Pulumi.${stack}.yaml`);
  if (!existsSync(link)) return { path: link, text: '' };
  const path = realpathSync(link);
  const file = { path, text: readFileSync(path, 'utf8') };
  const document = parseDocument(file.text);
  if (document.errors.length > 0 || (document.contents && !isMap(document.contents))) throw new UsageError(`${path} is no YAML that holds a map: put it right, or move it away.`);
  visit(document, {
    Alias: (_, { source }) => {
      throw new UsageError(`${path} has the alias *${source}, and what it stands for may be replaced: write its values out. Nothing was touched.`);
    },
  });
  return file;
}

/** The config that is there, keyed without the namespace. `pulumi stack init` makes files that have none. */
export function valuesIn({ text }: StackFile): Values {
  const { config } = (parse(text) ?? {}) as { config?: Record<string, unknown> | null };
  return Object.fromEntries(Object.entries(config ?? {}).filter(([key]) => isOurs(key)).map(([key, value]) => [bare(key), typeof value === 'string' ? decoded(value) : value]));
}

/**
 * The file with this config, each key under what it is for. What else is in it stays: other keys, those of other programs, how Pulumi encrypts.
 * @param config undefined: a key that goes
 * @param says key, without the namespace → what it is for
 * @throws CommandError where it would not say what was found right
 */
export function withConfig(file: StackFile, config: Values, says: Readonly<Record<string, string>>): string {
  const document: Document = file.text ? parseDocument(file.text) : new Document({});
  if (!isMap(document.get('config'))) document.set('config', new YAMLMap());
  const entries = document.get('config') as YAMLMap;
  entries.flow = false;
  const kept = entries.items.filter(({ key }) => !isOurs(String(key)) || !(bare(String(key)) in config));
  const written = Object.entries(config).filter(([, value]) => value !== undefined).map(([name, value]) => {
    const key = document.createNode(`${NAMESPACE}${name}`);
    if (says[name]) key.commentBefore = wrapped(says[name]);
    const node = document.createNode(value, { aliasDuplicateObjects: false });
    // A list of words reads best on one line.
    visit(node, { Seq: (_, list) => void (list.flow = list.items.every(isScalar)) });
    return document.createPair(key, node);
  });
  entries.items = [...written, ...kept];
  const text = document.toString({ lineWidth: WIDTH });
  const meant = Object.fromEntries(Object.entries({ ...valuesIn(file), ...config }).filter(([, value]) => value !== undefined));
  if (!isDeepStrictEqual(valuesIn({ ...file, text }), meant)) throw new CommandError(`The new config cannot be put into ${file.path}, whose YAML says more than its keys; nothing was written.`, ['Write it with plain keys and values only, or move it away.']);
  return text;
}

/** What each key is for, from the project's file. */
export function descriptions(directory: string): Record<string, string> {
  const { config } = parse(readFileSync(join(directory, 'Pulumi.yaml'), 'utf8')) as { config: Record<string, { description: string }> };
  return Object.fromEntries(Object.entries(config).map(([key, { description }]) => [bare(key), description]));
}

/** Whole or not at all. Who could read it still may; a new one is for its owner, until that one decides otherwise. */
export function writeStackFile({ path, text: before }: StackFile, text: string): void {
  const mode = before ? statSync(path).mode & 0o777 : undefined;
  writeDurably(path, text);
  if (mode !== undefined) chmodSync(path, mode);
}

const bare = (key: string): string => key.slice(key.indexOf(':') + 1);
/** Pulumi reads a key that names no namespace as the project's own. */
const isOurs = (key: string): boolean => key.startsWith(NAMESPACE) || !key.includes(':');

function wrapped(text: string): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + word.length > WIDTH - 6) lines.push(` ${word}`);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join('\n');
}
