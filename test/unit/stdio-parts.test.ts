import { describe, expect, it, vi } from 'vitest';
import { Backoff } from '../../backends/stdio/backoff.ts';
import { splitLines } from '../../backends/stdio/lines.ts';
import { createLog, ErrorOutput } from '../../backends/stdio/log.ts';
import { parse } from '../../backends/stdio/messages.ts';
import { parseSettings } from '../../backends/stdio/settings.ts';
import { timings } from '../../backends/stdio/timings.ts';
import { isModern } from '../../backends/stdio/versions.ts';

describe('the settings of the supervisor', () => {
  it('have defaults for all but the command', () => {
    const defaults = { args: [], env: {}, processes: 'per-user', idleSeconds: 600, maxProcesses: 32, directory: '/data' };
    expect(parseSettings('{"command": "npx"}')).toEqual({ command: 'npx', ...defaults });
  });

  it('report every problem at once, and no value', () => {
    const wrong = { command: '', args: 'a', env: { KEY: 1 }, processes: 'many', idleSeconds: 0, maxProcesses: 1.5, directory: 'data', comand: 'hunter2' };
    for (const key of Object.keys(wrong)) expect(() => parseSettings(JSON.stringify(wrong))).toThrow(`  ${key}: ${key === 'comand' ? 'unknown' : 'should be'}`);
    expect(() => parseSettings(JSON.stringify(wrong))).not.toThrow(/hunter2/);
  });

  it('must be there, and JSON, of which nothing is quoted', () => {
    expect(() => parseSettings(undefined)).toThrow(/DRAWBRIDGE_STDIO is missing/);
    expect(() => parseSettings('{"env": {"KEY": hunter2}}')).toThrow(/^DRAWBRIDGE_STDIO is no JSON object$/);
    expect(() => parseSettings('[]')).toThrow(/is no JSON object/);
  });
});

describe('lines of a server', () => {
  const cut = (limit: number, chunks: string[]) => {
    const lines: string[] = [];
    let tooLong = 0;
    const write = splitLines(limit, (line) => lines.push(line), () => (tooLong += 1));
    for (const chunk of chunks) write(Buffer.from(chunk, 'latin1'));
    return { lines, tooLong };
  };

  it('are put together from chunks, also where a character is cut in two', () => {
    const [first, second] = [Buffer.from('ä\n').subarray(0, 1), Buffer.from('ä\n').subarray(1)].map((part) => part.toString('latin1'));
    expect(cut(100, ['{"a":', '1}\r\n\n{"b":2}\n', first!, second!]).lines).toEqual(['{"a":1}', '{"b":2}', 'ä']);
  });

  it('are as long as the limit and no longer, whether they end or not', () => {
    expect(cut(4, ['abcd\nab', 'cd\n'])).toEqual({ lines: ['abcd', 'abcd'], tooLong: 0 });
    expect(cut(4, ['abcde'])).toEqual({ lines: [], tooLong: 1 });
    expect(cut(4, ['ok\nabc', 'de\n'])).toEqual({ lines: ['ok'], tooLong: 1 });
  });
});

describe('the log', () => {
  it('takes out what would forge a line or drive a terminal, and cuts long lines', () => {
    const written: string[] = [];
    createLog((text) => written.push(text))(`a\nb\u001b[31m\u009b ${'x'.repeat(5_000)}`);
    expect(written.join('')).toMatch(/^a b \[31m {2}x+\n$/);
    expect(written[0]!.length).toBeLessThan(2_100);
  });

  it('has a server say only so much, and tells how much it left out', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const lines: string[] = [];
    const output = new ErrorOutput((line) => lines.push(line));
    output.add('line\n'.repeat(10_000));
    expect(lines.length).toBe(200);
    vi.advanceTimersByTime(1_000);
    output.add('after\nlast');
    output.end();
    expect(lines.slice(200)).toEqual(['(9800 lines left out)', 'after', 'last']);
    expect(output.last).toBe('last');
    vi.useRealTimers();
  });

  it('keeps only so much of a line that does not end', () => {
    const lines: string[] = [];
    const output = new ErrorOutput((line) => lines.push(line));
    for (let i = 0; i < 100; i += 1) output.add('x'.repeat(1_000));
    output.end();
    expect(lines.join('').length).toBeLessThanOrEqual(3_000);
  });
});

describe('the wait before another start', () => {
  it('doubles with each quick crash up to 30 s, and a process that lived ends it', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const backoff = new Backoff(timings);
    const waits = Array.from({ length: 9 }, () => {
      backoff.crashed(100);
      return backoff.remaining;
    });
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    vi.advanceTimersByTime(29_000);
    expect(backoff.remaining).toBe(1_000);
    backoff.crashed(60_000);
    expect(backoff.remaining).toBe(0);
    backoff.crashed(100);
    expect(backoff.remaining).toBe(500);
    vi.useRealTimers();
  });
});

describe('messages', () => {
  it('keep integers past 2^53 as they were written', () => {
    expect(JSON.stringify(parse('{"a":12345678901234567890,"b":1}'))).toBe('{"a":12345678901234567890,"b":1}');
  });

  it('have at most 500 levels', () => {
    const nested = (levels: number, value: string) => '['.repeat(levels) + value + ']'.repeat(levels);
    expect(JSON.stringify(parse(nested(500, '"a"')))).toBe(nested(500, '"a"'));
    for (const levels of [501, 100_000]) for (const value of ['"a"', '12345678901234567890']) expect(() => parse(nested(levels, value))).toThrow(RangeError);
  });

  it('have at most a million values, counted outside of strings', () => {
    const values = (count: number) => `[${'{},'.repeat(count / 2)}12345678901234567890]`;
    expect(parse(values(999_998))).toHaveLength(500_000);
    expect(() => parse(values(1_000_000))).toThrow(RangeError);
    const text = JSON.stringify(`"\\${'[,'.repeat(2_000_000)}`);
    expect(JSON.stringify(parse(text))).toBe(text);
  });

  const versions: [string | undefined, boolean][] = [['2026-07-28', true], ['2027-01-01', true], ['2025-11-25', false], ['latest', false], [undefined, false]];
  it.each(versions)('of version %s are modern: %s', (version, modern) => {
    expect(isModern(version)).toBe(modern);
  });
});
