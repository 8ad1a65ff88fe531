import { describe, expect, it } from 'vitest';
import { decideBase, parseWish, type Wish } from '../../images/decide.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const noRegistry = () => Promise.reject(new Error('server error - Get "https://quay.io/v2/": dial tcp: lookup quay.io: no such host '));
const refusal = (statusCode: number, message: string) => () => Promise.reject(Object.assign(new Error(message), { statusCode }));

/** Decides for keycloak and notes what was asked, built and reported. */
async function decide(wish: Wish, registryDigest: () => Promise<string>) {
  const asked: string[] = [];
  const built: string[] = [];
  const lines: string[] = [];
  const base = await decideBase('keycloak', {
    wish,
    engine: {
      registryDigest: (reference) => {
        asked.push(reference);
        return registryDigest();
      },
    },
    standIn: (name) => {
      built.push(name);
      return Promise.resolve('drawbridge.local/keycloak:1-abc');
    },
    report: (line) => lines.push(line),
  });
  return { base, asked, built, lines };
}

describe('decideBase', () => {
  it('takes the official image by the digest that its registry names', async () => {
    const { base, asked, built } = await decide(undefined, () => Promise.resolve(digest));
    expect(base).toEqual({ image: `quay.io/keycloak/keycloak@${digest}`, kind: 'official' });
    expect(asked).toEqual(['quay.io/keycloak/keycloak:26.7.4']);
    expect(built).toEqual([]);
  });

  it('takes the stand-in where no registry answers, and says why', async () => {
    const { base, lines } = await decide(undefined, noRegistry);
    expect(base).toEqual({ image: 'drawbridge.local/keycloak:1-abc', kind: 'stand-in' });
    expect(lines.join('\n')).toMatch(/no image registry answers.*no such host.*stand-in/);
  });

  it('takes the stand-in where a filter answers in place of the registry', async () => {
    const filter = () => Promise.reject(new Error('error parsing HTTP 403 response body: invalid character: "<html>unauthorized: denied</html>"'));
    expect((await decide(undefined, filter)).base.kind).toBe('stand-in');
  });

  it.each([
    ['no such tag', refusal(404, 'manifest unknown')],
    ['no such repository', refusal(401, 'unauthorized: authentication required')],
    ['denied', refusal(403, 'denied')],
    ['too many requests', refusal(429, 'toomanyrequests: You have reached your pull rate limit.')],
    ['no such tag, from an engine that answers 500 to everything', refusal(500, 'manifest unknown: manifest unknown')],
  ])('fails when the registry answers "%s", naming the image and the remedy', async (_, answer) => {
    await expect(decide(undefined, answer)).rejects.toThrow(/refuses quay\.io\/keycloak\/keycloak:26\.7\.4[^]*images\/versions\.ts/);
  });

  it('asks no registry with DRAWBRIDGE_BASES=stand-in', async () => {
    const { base, asked } = await decide('stand-in', () => Promise.resolve(digest));
    expect(base.kind).toBe('stand-in');
    expect(asked).toEqual([]);
  });

  it('builds no stand-in with DRAWBRIDGE_BASES=official: no registry is an error', async () => {
    await expect(decide('official', noRegistry)).rejects.toThrow(/no such host[^]*unset DRAWBRIDGE_BASES/);
    expect((await decide('official', () => Promise.resolve(digest))).base.kind).toBe('official');
  });
});

describe('DRAWBRIDGE_BASES', () => {
  it('may be unset, empty, official or stand-in', () => {
    expect([undefined, '', 'official', 'stand-in'].map(parseWish)).toEqual([undefined, undefined, 'official', 'stand-in']);
  });

  it('refuses another word', () => {
    expect(() => parseWish('standin')).toThrow(/standin.*official or stand-in/);
  });
});
