import { describe, expect, it } from 'vitest';
import { edgeError } from '../../doctor/causes/edge.ts';
import { difference } from '../../doctor/causes/judging.ts';
import { redact } from '../../doctor/evidence.ts';

describe('what a server says at great length', () => {
  // Each of these took minutes where it was looked through again from every place in it.
  const MANY = 120_000;

  it('is looked through for tokens once', () => {
    const text = '-eyJ'.repeat(MANY);
    expect(redact(text, [])).toBe(text);
    expect(redact('It was (eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln).', [])).toBe('It was ([redacted]).');
  });

  it('is looked through for Cloudflare’s errors once', () => {
    const page = (body: string) => ({ ask: { url: 'https://mcp.example.test/mcp', headers: {} }, answer: { status: 400, headers: { server: 'cloudflare' }, body, arrivals: [] }, milliseconds: 1 });
    expect(edgeError(page('<h1'.repeat(MANY)))).toBeUndefined();
    expect(edgeError(page('<h1 class="x">Error 1033</h1>'))).toBe(1033);
  });

  it('is compared with what it ought to be once', () => {
    expect(difference('https://mcp.example.test', `https://mcp.example.test${'/'.repeat(4 * MANY)}x`)).toMatch(/^The shorter one lacks the path/);
    expect(difference('https://mcp.example.test//', 'https://mcp.example.test')).toBe('They differ in a slash at the end.');
  });
});
