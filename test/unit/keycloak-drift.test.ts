import { expect, test } from 'vitest';
import { drift as differences } from '../../keycloak/applier/drift.ts';
import { inWords, reset } from '../../keycloak/applier/report.ts';

const drift = (desired: unknown, actual: unknown) => differences(desired, actual).map(({ path }) => path);

test('nothing differs where the desired part is there, whatever else is', () => {
  expect(drift({ a: 1, b: { c: 'x' } }, { a: 1, b: { c: 'x', own: true }, extra: [] })).toEqual([]);
});

test('each difference is named by its path, never by its value, unless it is asked for', () => {
  expect(inWords(reset('client x', differences({ secret: 'a', name: 'b' }, { secret: 'c', name: 'b' })))).toBe('reset client x: secret');
  expect(differences({ a: 1 }, { a: 2 })).toEqual([{ path: 'a', expected: 1, found: 2 }]);
  expect(drift({ a: 1, b: { c: 'secret', d: 'y' }, e: [1] }, { a: 2, b: { c: 'other', d: 'y' } })).toEqual(['a', 'b.c', 'e']);
});

test('lists are the same in any order, and differ by a missing or an additional member', () => {
  expect(drift({ list: ['a', 'b'] }, { list: ['b', 'a'] })).toEqual([]);
  expect(drift({ list: ['a', 'b'] }, { list: ['a'] })).toEqual(['list']);
  expect(drift({ list: ['a'] }, { list: ['a', 'b'] })).toEqual(['list']);
  expect(drift({ list: ['a', 'a'] }, { list: ['a', 'b'] })).toEqual(['list']);
});

test('a list that is to be empty may be missing, and one that is not may not', () => {
  expect(drift({ list: [] }, {})).toEqual([]);
  expect(drift({ list: [] }, { list: ['a'] })).toEqual(['list']);
  expect(drift({ list: ['a'] }, {})).toEqual(['list']);
});

test('a text that is to be empty may be missing', () => {
  expect(drift({ baseUrl: '' }, {})).toEqual([]);
  expect(drift({ baseUrl: '' }, { baseUrl: 'https://evil.example' })).toEqual(['baseUrl']);
});

test('members of lists are compared by their desired part too', () => {
  expect(drift({ list: [{ executor: 'x' }] }, { list: [{ executor: 'x', configuration: {} }] })).toEqual([]);
});

test('everything differs from what is not there', () => {
  expect(drift({ a: 1, b: { c: 2 } }, undefined)).toEqual(['a', 'b.c']);
});
