import { describe, expect, test } from 'vitest';
import { consentText } from '../../keycloak/consent.ts';

const files = { name: 'files', resource: 'https://mcp.example.org/files', scopes: ['files:read', 'files:write'] };
const words = (scope: string, server: Partial<Parameters<typeof consentText>[0]> = {}) => consentText({ ...files, ...server }, scope).split('\n')[0];

describe('what the consent page says of a scope', () => {
  test('ends with the scope and the server that it is for, on a line of their own', () => {
    expect(consentText(files, 'files:read')).toBe('Use files\nfiles:read for https://mcp.example.org/files');
  });
  test('is what the operator says of it, as it stands', () => {
    expect(words('files:write', { consent: { 'files:write': 'Change and <b>delete</b> your files' } })).toBe('Change and <b>delete</b> your files');
  });
  test('names what needs it', () => {
    const needs = { write_file: 'files:write', 'delete_*': 'files:write' };
    expect(words('files:write', { needs })).toBe('Use files: write_file, delete_…');
    expect(words('files:read', { needs })).toBe('Use files: everything that needs no further permission');
  });
  test('names what needs nothing beyond the base scope, where all tools are known', () => {
    const tools = ['write_file', 'read_file', 'list', 'delete_all', 'delete_draft'];
    expect(words('files:read', { tools, needs: { write_file: 'files:write', 'delete_*': 'files:write', delete_draft: 'files:read' } })).toBe('Use files: read_file, list, delete_draft');
    expect(words('files:read', { tools })).toBe('Use files');
  });
  test('says of a base scope that not everything falls back to what it is for', () => {
    const needs = { '*': 'files:write', read_text_file: 'files:read', list_directory: 'files:read' };
    expect(words('files:read', { needs })).toBe('Use files: read_text_file, list_directory');
    expect(words('files:write', { needs })).toBe('Use files: everything else');
  });
  test('stays short where many things need it', () => {
    const needs = Object.fromEntries('abcdefg'.split('').map((name) => [name, 'files:write']));
    expect(words('files:write', { needs })).toBe('Use files: a, b, c, d, e, 2 more');
  });
  test('says at least which scope it is where nothing is known to need it', () => {
    expect(words('files:write')).toBe('Use files: what needs files:write');
  });
});
