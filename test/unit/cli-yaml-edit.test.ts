import { describe, expect, it } from 'vitest';
import { setNumber } from '../../cli/yaml-edit.ts';

const set = (text: string) => setNumber(text, ['config', 'rotation', 'database'], 3);

describe('a number that is set in a YAML file', () => {
  it('is all that changes: lists, quotes, comments and blank lines stay as they were written', () => {
    const rest = "# ours\nconfig:\n    a: [x,y]   # two\n    b: {c: 'd',  e: \"f\"}\n\n    long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n";
    expect(set(`${rest}    rotation: {database: 2} # why\n`)).toBe(`${rest}    rotation: {database: 3} # why\n`);
    expect(set(rest)).toBe(`${rest}    rotation: { database: 3 }\n`);
  });

  it.each([
    ['in a map of one line', 'config:\n  rotation: {signingKey: 2}\n', 'config:\n  rotation: {database: 3, signingKey: 2}\n'],
    ['in a map of several', 'config:\n  rotation:\n    # the key\n    signingKey: 2 # x\n  b: [c]\n', 'config:\n  rotation:\n    # the key\n    signingKey: 2 # x\n    database: 3\n  b: [c]\n'],
    ['in an empty map', 'config:\n  rotation: {}\n  b: [c]\n', 'config:\n  rotation: { database: 3 }\n  b: [c]\n'],
    ['before what comes after the config', 'config:\n  a: 1 # one\n\n# tail\nother: 1\n', 'config:\n  a: 1 # one\n  rotation: { database: 3 }\n\n# tail\nother: 1\n'],
    ['after a list', 'config:\n  a:\n  - x\n  - y # c\n', 'config:\n  a:\n  - x\n  - y # c\n  rotation: { database: 3 }\n'],
    ['after a text of several lines', 'config:\n  a: |\n    b\n    c\n', 'config:\n  a: |\n    b\n    c\n  rotation: { database: 3 }\n'],
    ['in a file without a last newline', 'config:\n  a: 1', 'config:\n  a: 1\n  rotation: { database: 3 }'],
    ['in a config of one line', 'config: {a: 1}\n', 'config: {rotation: { database: 3 }, a: 1}\n'],
    ['in a config that is empty', 'config:\n', 'config:\n  rotation:\n    database: 3\n'],
    ['in an empty file', '', 'config:\n  rotation:\n    database: 3\n'],
  ])('is added %s', (_, before, after) => {
    expect(set(before)).toBe(after);
  });

  it.each(['x: &r {database: 2}\nconfig:\n  rotation: *r\n', 'x: &n 2\nconfig:\n  rotation: {database: *n}\n', 'x: &c {a: 1}\nconfig: *c\n'])('is not set where it is an alias: %j', (text) => {
    expect(() => set(text)).toThrow('is not written out');
  });
});
