import { chmodSync, chownSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../cli/errors.ts';
import { rotate } from '../../cli/rotate.ts';

let directory: string;
const path = (name: string) => join(directory, name);
const run = (kind: string) => {
  const [log, error] = [vi.spyOn(console, 'log').mockReturnValue(), vi.spyOn(console, 'error').mockReturnValue()];
  try {
    rotate(kind, { stack: 'dev', directory });
    return { said: log.mock.calls.flat().join('\n'), noted: error.mock.calls.flat().join('\n') };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'drawbridge-rotate-'));
  writeFileSync(path('Pulumi.yaml'), 'name: drawbridge\n');
  writeFileSync(path('Pulumi.dev.yaml'), '# ours\nconfig:\n  drawbridge:profile: local # on this machine\n');
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('rotate', () => {
  it('raises the generation in the stack’s file, keeps all else that is in it, and says how to go on', () => {
    expect(run('database').said).toBe('drawbridge:rotation.database of stack dev is 2 now. To make it so: npm run up -- --stack dev');
    run('database');
    run('signing-key');
    expect(readFileSync(path('Pulumi.dev.yaml'), 'utf8')).toBe('# ours\nconfig:\n  drawbridge:profile: local # on this machine\n  drawbridge:rotation: { signingKey: 2, database: 3 }\n');
  });

  it('says of a stack that was never stood up that there is nothing to make anew, since another one may be meant', () => {
    expect(run('database').noted).toMatch(/^Stack dev was never stood up from here, .* name it with --stack/);
    writeFileSync(path('Pulumi.dev.yaml'), 'config:\n  drawbridge:profile: production\n  drawbridge:host: mcp.example.org\n');
    expect(run('database').noted, 'whose state the Pulumi CLI has').toBe('');
  });

  it.each(['passwords', '__proto__', 'constructor', 'signingKey'])('of %s is wrong use', (kind) => {
    const before = readFileSync(path('Pulumi.dev.yaml'), 'utf8');
    expect(() => run(kind)).toThrow(UsageError);
    expect(readFileSync(path('Pulumi.dev.yaml'), 'utf8')).toBe(before);
  });

  // With `bearerTokens` and the like the file holds secrets.
  it.each(['600', '640', '664'])('leaves the file’s mode (%s) and owner as they are', (mode) => {
    chmodSync(path('Pulumi.dev.yaml'), Number.parseInt(mode, 8));
    if (process.getuid?.() === 0) chownSync(path('Pulumi.dev.yaml'), 4321, 4322);
    const before = statSync(path('Pulumi.dev.yaml'));
    run('database');
    const after = statSync(path('Pulumi.dev.yaml'));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
  });

  it('leaves a link as it is, and changes the file that it leads to', () => {
    renameSync(path('Pulumi.dev.yaml'), path('kept-elsewhere.yaml'));
    symlinkSync('kept-elsewhere.yaml', path('Pulumi.dev.yaml'));
    run('database');
    expect(lstatSync(path('Pulumi.dev.yaml')).isSymbolicLink()).toBe(true);
    expect(readFileSync(path('kept-elsewhere.yaml'), 'utf8')).toContain('database: 2');
  });

  it('says what to write where the generations are not written out', () => {
    const text = 'x-ours: &rotation { database: 4 }\nconfig:\n  drawbridge:profile: local\n  drawbridge:rotation: *rotation\n';
    writeFileSync(path('Pulumi.dev.yaml'), text);
    expect(() => run('database')).toThrow(UsageError);
    expect(() => run('database')).toThrow('set its `database` to 5 by hand');
    expect(readFileSync(path('Pulumi.dev.yaml'), 'utf8')).toBe(text);
  });
});
