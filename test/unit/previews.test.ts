import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { projectDirectory } from '../../cli/stack-file.ts';
import { configOfPreview } from '../../cli/previews/own-config.ts';
import { portsFor } from '../../cli/previews/ports.ts';
import { changesFor, realmOf } from '../../cli/previews/changes.ts';
import { UsageError } from '../../cli/errors.ts';
import { lifetimeOf, timeText } from '../../cli/previews/lifetime.ts';
import { checkPreviewName, LONGEST } from '../../cli/previews/name.ts';
import { isEmpty, beginReceipt, finishReceipt, noParts, readReceipt, receiptLines, receiptPath, remedies } from '../../cli/previews/receipt.ts';
import { expiresOf, notesOf, type PreviewRecord, recordJson, recordOf, unknownRecord } from '../../cli/previews/record.ts';
import { forEach, judge } from '../../cli/previews/sweeping.ts';
import { isStackName } from '../../cli/stack-name.ts';
import { previewConfig } from '../../deployers/config.ts';
import { parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';

const HOUR = 3_600;
const record: PreviewRecord = { url: 'https://localhost:8444/mcp', template: 'local', created: new Date('2026-11-01T12:00:00Z'), lifetime: 72 * HOUR, keep: false, ref: 'main@abc1234', localPort: 8444 };
const after = (hours: number) => new Date(record.created.getTime() + hours * HOUR * 1000);
const refusal = (name: string) => {
  try {
    checkPreviewName(name);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return undefined;
};

describe('the name of a preview', () => {
  it.each(['pr-123', 'a', '7', 'x'.repeat(LONGEST), 'main-2026'])('%s is a DNS label, a stack’s name, and leaves room for the realm’s', (name) => {
    expect(refusal(name)).toBeUndefined();
    expect(isStackName(name)).toBe(true);
    // 36 is what the config takes for a realm.
    expect(() => parseConfig({ profile: 'local', realm: realmOf(name) })).not.toThrow();
  });

  it.each([
    ['feature/Foo_Bar', 'feature-foo-bar'],
    ['-x-', 'x'],
    ['Straße 7', 'stra-e-7'],
    ['a..b', 'a-b'],
  ])('%s is refused, with the one that would do', (name, fit) => {
    expect(refusal(name)).toContain(`${fit} would do.`);
    expect(refusal(fit)).toBeUndefined();
  });

  it('that is too long is refused with one that is cut, and two of the same beginning do not become one', () => {
    const fits = ['one', 'two'].map((end) => /(\S+) would do\.$/.exec(refusal(`feature/a-rather-long-name-for-${end}`)!)![1]!);
    expect(fits.map(refusal)).toEqual([undefined, undefined]);
    expect(fits[0]).toMatch(/^feature-a-rather-long/);
    expect(new Set(fits).size).toBe(2);
  });

  it('of which nothing would be left is refused without one', () => {
    expect(refusal('../..')).toMatch(/at most 28 characters\.$/);
    expect(refusal('')).toMatch(/is no name/);
  });
});

describe('what is remembered of a preview', () => {
  it('comes back from its notes as it was, each a short text, since a tag of a stack holds no more', () => {
    const full = { ...record, keycloakOf: 'shared', issuer: 'https://localhost:8443/auth/realms/preview-x', keep: true };
    expect(recordOf(notesOf(full))).toEqual(full);
    for (const value of Object.values(notesOf(full))) expect(value.length).toBeLessThanOrEqual(256);
  });

  it('is enough to go on with where a run was killed while it noted things one by one, and is none where it is something else', () => {
    const [first] = Object.entries(notesOf(record));
    expect(recordOf(Object.fromEntries([first!]))).toMatchObject({ created: record.created, lifetime: 72 * HOUR, keep: false });
    for (const damaged of [{} as Record<string, string>, { created: 'yesterday' }, { ...notesOf(record), lifetime: '99999999999999999999' }]) expect(recordOf(damaged)).toBeUndefined();
  });

  it('names the end of its life, and none where it is kept', () => {
    expect(expiresOf(record)).toEqual(after(72));
    expect(recordJson(record)).toMatchObject({ created: '2026-11-01T12:00:00.000Z', expires: '2026-11-04T12:00:00.000Z', keep: false });
    expect(recordJson({ ...record, keep: true }).expires).toBeNull();
  });

  it.each([['90m', 5_400], ['72h', 259_200], ['14d', 1_209_600]])('takes %s for a lifetime', (text, seconds) => {
    expect(lifetimeOf(text, '--lifetime')).toBe(seconds);
  });

  it.each(['72', 'h', '0h', '-1h', '1w', ''])('does not take %j for one, and says which option it was', (text) => {
    expect(() => lifetimeOf(text, '--older-than')).toThrow(/^--older-than .*90m, 72h or 14d/);
  });

  it.each([[5, '5 s'], [125, '2 min'], [3 * HOUR + 60, '3 h 1 min'], [73 * HOUR, '3 d 1 h']])('says %d seconds as %s', (seconds, text) => {
    expect(timeText(seconds)).toBe(text);
  });
});

describe('a sweep', () => {
  it.each([
    ['leaves one within its lifetime', record, 71, undefined, false, 'is 2 d 23 h old, and has 1 h 0 min to live'],
    ['takes one past its lifetime', record, 72, undefined, true, 'its lifetime ended 0 s ago'],
    ['takes one that is older than asked, whatever its lifetime', { ...record, lifetime: 1_000 * HOUR }, 25, 24 * HOUR, true, 'is 1 d 1 h old'],
    ['takes one past its own lifetime though it is younger than asked', { ...record, lifetime: HOUR }, 2, 72 * HOUR, true, 'its lifetime ended 1 h 0 min ago'],
    ['leaves one that is younger than asked', record, 1, 2 * HOUR, false, 'is 1 h 0 min old, and has 2 d 23 h to live'],
    ['leaves one that is kept, past everything', { ...record, keep: true }, 1_000, HOUR, false, 'is kept'],
  ])('%s', (_, given, hours, olderThan, taken, why) => {
    expect(judge({ name: 'pr-1', state: 'stands', record: given }, after(hours), olderThan)).toEqual({ taken, why });
  });

  it('leaves one that a run is at work on, and one whose notes cannot be read, and says why', () => {
    expect(judge({ name: 'pr-1', state: 'at work', record }, after(1_000))).toEqual({ taken: false, why: 'is at work' });
    expect(judge({ name: 'pr-1', state: 'damaged', record: unknownRecord }, after(1_000))).toEqual({ taken: false, why: expect.stringContaining('npm run preview -- down --name pr-1') });
  });

  it('works on so many at a time, goes on past one that fails, and answers in order', async () => {
    let running = 0;
    let most = 0;
    const results = await forEach([0, 1, 2, 3, 4, 5, 6], 3, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (item === 1) throw new Error('no');
      return item * 10;
    });
    expect(most).toBe(3);
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([0, 'failed', 20, 30, 40, 50, 60]);
  });
});

describe('where a preview is, for who takes it down', () => {
  const files = (given: Record<string, string>) => {
    const paths = Object.keys(given).map((stack) => join(projectDirectory, `Pulumi.${stack}.yaml`));
    Object.values(given).forEach((config, index) => writeFileSync(paths[index]!, `config:\n${config}`));
    onTestFinished(() => paths.forEach((path) => rmSync(path)));
  };
  const template = '  drawbridge:host: mcp.example.org\n  drawbridge:deploy: {app: ssh://deploy@machine, proxy: ssh://deploy@machine}\n';
  const noted = { ...record, localPort: undefined, template: 'unit-template', firstPort: 18_120 };

  it('is known in another checkout by its template: machines, names and ports', () => {
    files({ 'unit-template': template });
    expect(configOfPreview('unit-pr', noted)).toMatchObject({ host: 'unit-pr.example.org', profile: 'preview', firstPort: 18_120, deploy: { app: 'ssh://deploy@machine' } });
  });

  it('is known though its own file has become wrong, as after an upgrade that renames a key', () => {
    files({ 'unit-template': template, 'unit-pr': '  drawbridge:oldKey: 1\n' });
    expect(configOfPreview('unit-pr', noted)).toMatchObject({ host: 'unit-pr.example.org' });
  });

  it('is not known where neither file is, which is no failure', () => {
    expect(configOfPreview('unit-pr', noted)).toBeUndefined();
  });
});

describe('the config of a preview', () => {
  const production = parseConfig({ host: 'mcp.example.org', realm: 'main' });

  it('has a host of its own, one label below the domain of its template, and protects nothing', () => {
    const changes = changesFor('pr-1', production, { ports: {} });
    expect(changes).toMatchObject({ host: 'pr-1.example.org', profile: 'preview', rotation: undefined });
    expect(deriveEndpoints(parseConfig({ ...changes })).servers[0]!.resource).toBe('https://pr-1.example.org/mcp');
  });

  it('is below the zone, where there is one: its certificate covers one label', () => {
    const deep = parseConfig({ host: 'mcp.team.example.org', profile: 'preview', cloudflare: { accountId: '0'.repeat(32), zone: 'example.org', token: { secret: 'cloudflare' } }, secrets: { cloudflare: 'x' } });
    expect(changesFor('pr-1', deep, { ports: {} })).toMatchObject({ host: 'pr-1.example.org' });
  });

  it('has a port of its own in profile local, and keeps the host', () => {
    expect(changesFor('pr-1', parseConfig({ profile: 'local' }), { ports: { localPort: 8450 } })).toEqual({ localPort: 8450, rotation: undefined, previewRealms: undefined });
  });

  it('has ports of its own behind its front in every other profile, since several may be on one machine; it keeps them', async () => {
    const others = () => Promise.resolve([{ firstPort: 18_100 }, { firstPort: 18_140 }, { localPort: 8444 }]);
    expect(await portsFor(production, undefined, others)).toEqual({ firstPort: 18_120 });
    expect(await portsFor(production, { ...record, firstPort: 18_100 }, others)).toEqual({ firstPort: 18_100 });
    const portsOf = (firstPort: number) => JSON.stringify(deriveEndpoints({ ...production, firstPort }).published).match(/\d{5}/g);
    const [one, next] = [portsOf(18_100), portsOf(18_120)];
    expect(one!.length).toBeGreaterThan(6);
    expect(one!.filter((port) => next!.includes(port))).toEqual([]);
    const full = () => Promise.resolve(Array.from({ length: 1000 }, (_, index) => ({ firstPort: 18_080 + 20 * index })));
    await expect(portsFor(production, undefined, full)).rejects.toThrow('No 20 ports from 18080 to 32768 are left for another preview: take one down.');
  });

  it('has a realm of its own in a shared Keycloak, whose issuer is there, and no identity provider, which knows another address', () => {
    const local = parseConfig({ profile: 'local' });
    const changes = changesFor('pr-1', local, { ports: { localPort: 8450 }, shared: { stack: 'shared', issuer: 'https://localhost:8443/auth/realms/main' } });
    const config = parseConfig({ profile: 'local', ...changes });
    const { issuer, authorizationServer, servers, realmElsewhere } = deriveEndpoints(config);
    expect(issuer?.issuer).toBe('https://localhost:8443/auth/realms/preview-pr-1');
    expect(authorizationServer).toBeUndefined();
    expect(realmElsewhere?.jwksPath).toBe('/auth/realms/preview-pr-1/protocol/openid-connect/certs');
    expect(servers[0]!.resource).toBe('https://localhost:8450/mcp');
    expect(Object.keys(changes)).toContain('identityProviders');
  });

  it('has no realm in a shared Keycloak where the template has no Keycloak', () => {
    for (const raw of [{ auth: 'none' }, { authorizationServer: { issuer: 'https://login.example.net' } }])
      expect(() => changesFor('pr-1', parseConfig({ profile: 'local', ...raw }), { ports: {}, shared: { stack: 'shared', issuer: 'https://localhost:8443/auth/realms/main' } })).toThrow(UsageError);
  });

  it('is its template’s but for what differs, with or without the namespace; other namespaces stay', () => {
    const template = { 'drawbridge:host': 'a.example.org', profile: 'preview', 'drawbridge:rotation': { signingKey: 2 }, 'docker:host': 'x' };
    expect(previewConfig(template, 'drawbridge', { host: 'b.example.org', rotation: undefined, realm: 'r' })).toEqual({ 'drawbridge:host': 'b.example.org', 'drawbridge:profile': 'preview', 'docker:host': 'x', 'drawbridge:realm': 'r' });
  });
});

describe('a receipt', () => {
  it.each(['{"finished":"x"}', '{"name":"unit-pr","started":"x","removed":{},"left":{},"unchecked":[]}', '{', 'null'])('that cannot be read is as none: %s', (text) => {
    mkdirSync(dirname(receiptPath('unit-pr')), { recursive: true });
    writeFileSync(receiptPath('unit-pr'), text);
    onTestFinished(() => rmSync(receiptPath('unit-pr')));
    expect(readReceipt('unit-pr')).toBeUndefined();
  });

  const found = { ...noParts, containers: ['drawbridge-x-front', 'drawbridge-x-server'], volumes: ['drawbridge-x-acme'], realms: ['preview-x (shared)'] };

  it('names all that was there and is gone', () => {
    const receipt = finishReceipt(beginReceipt({ name: 'x' }, found), noParts, []);
    expect(receipt.removed).toEqual(found);
    expect(isEmpty(receipt.left)).toBe(true);
    expect(receiptLines(receipt).join('\n')).toBe('Removed, and looked for afterwards:\n  containers  drawbridge-x-front drawbridge-x-server\n  volumes     drawbridge-x-acme\n  realms      preview-x (shared)');
  });

  it('does not say of what is left that it was removed, and names the remedy', () => {
    const left = { ...noParts, containers: ['drawbridge-x-server'], realms: ['preview-x (shared)'], firewall: ['drawbridge_x (local)'] };
    const receipt = finishReceipt(beginReceipt({ name: 'x' }, found), left, ['DNS records']);
    expect(receipt.removed).toEqual({ ...noParts, containers: ['drawbridge-x-front'], volumes: ['drawbridge-x-acme'] });
    expect(receiptLines(receipt)).toEqual(expect.arrayContaining(['LEFT:', '  containers  drawbridge-x-server', 'Not looked at: DNS records.']));
    expect(remedies('x', left, [undefined]).join('\n')).toMatch(/down --name x[^]*docker rm -f drawbridge-x-server[^]*drawbridge_x \(local\)[^]*realm preview-x \(shared\)/);
  });

  it('of a run that was cut off is gone on with: what that run had removed is in it', () => {
    const cutOff = beginReceipt({ name: 'x' }, found, undefined, new Date('2026-11-01T12:00:00Z'));
    const receipt = finishReceipt(beginReceipt({ name: 'x' }, { ...noParts, volumes: ['drawbridge-x-acme'] }, cutOff), noParts, []);
    expect(receipt).toMatchObject({ removed: found, started: '2026-11-01T12:00:00.000Z' });
  });

  it('of an earlier preview of the same name is none of this one', () => {
    const earlier = finishReceipt(beginReceipt({ name: 'x' }, found), noParts, []);
    expect(beginReceipt({ name: 'x' }, noParts, earlier).removed).toEqual(noParts);
  });
});
