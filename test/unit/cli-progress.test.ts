import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { planLine, showEvents, summary } from '../../cli/engine-progress.ts';
import { createProgress, duration } from '../../cli/progress.ts';
import type { EngineEvent } from '../../engine/index.ts';

const urn = (type: string, name: string) => `urn:pulumi:local::drawbridge::drawbridge:infra:Keycloak$${type}::${name}`;
const CONTAINER = 'docker:index/container:Container';
const step = (kind: 'planned' | 'started' | 'finished', name: string, action: 'create' | 'replace' | 'delete' | 'same', more: object = {}, type = CONTAINER): EngineEvent => ({ kind, urn: urn(type, name), type, name, action, ...more });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function screen(live: boolean) {
  let text = '';
  const stream = { write: (chunk: string) => ((text += chunk), true), columns: 60 };
  const progress = createProgress({ stream, live, now: () => Date.now() });
  return { progress, show: showEvents(progress), text: () => text };
}

describe('progress in a log file', () => {
  it('is one line when a step starts and one when it ends, in human words', () => {
    const { show, text } = screen(false);
    show(step('started', 'keycloak', 'create'));
    show(step('started', 'image-server', 'replace', { reason: 'name' }, 'docker:index/remoteImage:RemoteImage'));
    show(step('finished', 'keycloak', 'create', { seconds: 12.34 }));
    show(step('finished', 'image-server', 'replace', { seconds: 0.04 }, 'docker:index/remoteImage:RemoteImage'));
    show(step('started', 'database', 'delete', {}, 'docker:index/volume:Volume'));
    show({ kind: 'failed', urn: urn('docker:index/volume:Volume', 'database'), name: 'database', action: 'delete', error: 'in use' });
    expect(text()).toBe(
      [
        '    creating container keycloak …',
        '    replacing image server (name) …',
        '  ✓ created container keycloak  12.3 s',
        '  ✓ replaced image server  0.0 s',
        '    removing volume database …',
        '  ✗ could not remove volume database',
        '',
      ].join('\n'),
    );
  });

  it('does not call removed what stays where it is (retainOnDelete)', () => {
    const { show, text } = screen(false);
    const tunnel = 'cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared';
    show(step('started', 'edge', 'delete', { retained: true }, tunnel));
    show(step('finished', 'edge', 'delete', { retained: true, seconds: 0 }, tunnel));
    expect(text()).toBe('    letting go of tunnel edge …\n  ✓ let go of tunnel edge  0.0 s\n');
    expect(planLine(step('planned', 'edge', 'delete', { retained: true }, tunnel))).toBe('  - let go of tunnel edge');
  });

  it('leaves out what stays as it is, and what only groups', () => {
    const { show, text } = screen(false);
    for (const kind of ['started', 'finished'] as const) {
      show(step(kind, 'keycloak', 'same'));
      show(step(kind, 'keycloak', 'create', {}, 'drawbridge:infra:Keycloak'));
    }
    show({ kind: 'log', severity: 'debug', message: 'noise' });
    expect(text()).toBe('');
  });

  it('says every 15 seconds that a long step still runs, and what it printed last', () => {
    const { show, text, progress } = screen(false);
    show(step('started', 'keycloak', 'create'));
    show({ kind: 'progress', urn: urn(CONTAINER, 'keycloak'), name: 'keycloak', line: 'Step 3/9\u001b[2K : RUN\tbuild' });
    vi.advanceTimersByTime(31_000);
    progress.close();
    vi.advanceTimersByTime(60_000);
    expect(text().split('\n').slice(1)).toEqual(['  … creating container keycloak  15 s  Step 3/9 : RUN build', '  … creating container keycloak  30 s  Step 3/9 : RUN build', '']);
  });
});

describe('progress on a terminal', () => {
  it('redraws running steps in place, each within one line, below what is done', () => {
    const { show, text, progress } = screen(true);
    show(step('started', 'keycloak', 'create'));
    show({ kind: 'progress', urn: urn(CONTAINER, 'keycloak'), name: 'keycloak', line: 'x'.repeat(100) });
    vi.advanceTimersByTime(250);
    expect(text()).toBe(`  · creating container keycloak  0 s\n\u001b[1A\u001b[0J  · creating container keycloak  0 s  ${'x'.repeat(20)}…\n`);
    show(step('finished', 'keycloak', 'create', { seconds: 65 }));
    expect(text().endsWith('\u001b[1A\u001b[0J  ✓ created container keycloak  1 min 05 s\n')).toBe(true);
    progress.close();
  });
});

describe('words', () => {
  it('a plan names the action, the thing and the reason', () => {
    expect(planLine(step('planned', 'server', 'replace', { reason: 'image' }))).toBe('  ± replace container server (image)');
    expect(planLine(step('planned', 'server', 'same'))).toBeUndefined();
  });
  it('a summary counts what was done, and says when that is nothing', () => {
    expect(summary({ create: 2, delete: 1, same: 9 })).toBe('2 created, 1 removed');
    expect(summary({ create: 2 }, 'plan')).toBe('2 to create');
    expect(summary({ same: 11 })).toBe('No changes');
  });
  it('durations read naturally', () => {
    expect([0, 59.94, 59.96, 125].map(duration)).toEqual(['0.0 s', '59.9 s', '1 min 00 s', '2 min 05 s']);
  });
});

it('what is said holds what other machines wrote, and does nothing to the terminal', () => {
  const { progress, text } = screen(true);
  progress.say('deploy@h (Debian\x1b[2J\x1b]0;x\x07 12\x9b1A) needs no preparation.\r\n  really');
  expect(text()).toBe('deploy@h (Debian 12 1A) needs no preparation. \n  really\n');
});
