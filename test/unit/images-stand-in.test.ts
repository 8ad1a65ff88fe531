import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../images/lock.ts';
import { filesIn, standInTag } from '../../images/recipe.ts';
import { provideStandIn, removeStandIns } from '../../images/stand-in.ts';
import { baseNames, versions } from '../../images/versions.ts';
import type { ImageEngine } from '../../images/engine.ts';

const images = join(import.meta.dirname, '../../images');

describe('the tag of a stand-in', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'images-test-'));
    writeFileSync(join(folder, 'Dockerfile'), 'FROM a\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is its version and 12 hex digits', () => {
    expect(standInTag('nginx', '1.26.3', filesIn(folder))).toMatch(/^drawbridge\.local\/nginx:1\.26\.3-[0-9a-f]{12}$/);
  });

  it('stays while the recipe stays, in whatever order it is given', () => {
    expect(standInTag('a', '1', { x: 'y', z: ['w'] })).toBe(standInTag('a', '1', { z: ['w'], x: 'y' }));
  });

  it('changes when a file changes, is added or gets another name, and with the Debian image below', () => {
    const tags = [standInTag('a', '1', filesIn(folder)), standInTag('a', '1', { ...filesIn(folder), debian: 'b' })];
    writeFileSync(join(folder, 'Dockerfile'), 'FROM b\n');
    tags.push(standInTag('a', '1', filesIn(folder)));
    writeFileSync(join(folder, 'more'), '');
    tags.push(standInTag('a', '1', filesIn(folder)));
    tags.push(standInTag('a', '1', { Containerfile: 'FROM a\n' }));
    expect(new Set(tags).size).toBe(tags.length);
  });
});

describe('the recipes', () => {
  it.each(baseNames.filter((name) => versions[name].standIn))('%s starts from the Debian stand-in and builds with the classic builder', (name) => {
    const dockerfile = readFileSync(join(images, name, 'Dockerfile'), 'utf8');
    expect(dockerfile).toMatch(/^ARG DEBIAN\nFROM \$\{DEBIAN\}/m);
    expect(dockerfile).not.toMatch(/--mount|--chmod|<<|# syntax/);
    expect(dockerfile).not.toMatch(/:latest|https?:\/\//);
  });
});

describe('the connector of a tunnel, which no package registry has', () => {
  const provide = async (exists: boolean) => {
    const lines: string[] = [];
    const engine = { exists: async (image: string) => exists && image === 'drawbridge.local/cloudflared:latest' } as ImageEngine;
    return { tag: await provideStandIn('cloudflared', engine, (line) => lines.push(line)), lines };
  };

  it('is what somebody put on the engine, and it is said that this is not the official one', async () => {
    const { tag, lines } = await provide(true);
    expect(tag).toBe('drawbridge.local/cloudflared:latest');
    expect(lines).toEqual([expect.stringMatching(/^WARNING: drawbridge\.local\/cloudflared:latest is used in place of cloudflare\/cloudflared:\d.*NOT the official image/)]);
  });

  it('is otherwise missed, with what to do', async () => {
    await expect(provide(false)).rejects.toThrow(/No package registry has cloudflared.*cloudflare\/cloudflared:.*give the container engine a way to an image registry/);
  });
});

describe('withLock', () => {
  const name = `test-${process.pid}`;

  it('runs one at a time', async () => {
    let running = 0;
    let most = 0;
    let waits = 0;
    const work = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
    };
    await Promise.all([1, 2, 3].map(() => withLock(name, work, () => waits++)));
    expect([most, waits]).toEqual([1, 2]);
  });

  it('is free again after a failure', async () => {
    await expect(withLock(name, () => Promise.reject(new Error('no')), () => {})).rejects.toThrow('no');
    expect(await withLock(name, () => Promise.resolve(1), () => {})).toBe(1);
  });

  it('is free again after its holder was killed', async () => {
    const script = `import { withLock } from ${JSON.stringify(join(images, 'lock.ts'))};
      await withLock(${JSON.stringify(name)}, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }), () => {});`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    let waited = false;
    const taken = withLock(name, () => Promise.resolve('taken'), () => {
      waited = true;
      holder.kill('SIGKILL');
    });
    expect(await taken).toBe('taken');
    expect(waited).toBe(true);
  });
});

describe('removeStandIns', () => {
  it('removes the stand-ins of every recipe, the Debian image below them last', async () => {
    const removed: string[] = [];
    const present = ['drawbridge.local/debian:trixie-1', 'drawbridge.local/node:1-2'];
    const engine = {
      tags: (pattern: string) => Promise.resolve(pattern === 'drawbridge.local/*' ? present : []),
      remove: (image: string) => {
        removed.push(image);
        return Promise.resolve();
      },
    } as Partial<ImageEngine> as ImageEngine;
    await removeStandIns(engine, () => {});
    expect(removed).toEqual(['drawbridge.local/node:1-2', 'drawbridge.local/debian:trixie-1']);
  });
});
