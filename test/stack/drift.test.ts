import { execFileSync } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import type { DriftReport, Finding } from '../../cli/drift/facts.ts';
import { handMade, lookAt } from '../../cli/drift/look.ts';
import { up } from '../../engine/index.ts';
import { parseConfig } from '../../infra/config.ts';
import { Administrator } from '../support/administrator.ts';
import { containerOf } from '../support/container.ts';
import { testStack } from '../support/deploy-with-engine.ts';

/** What people do by hand to a stack that stands, and what `npm run drift` says of it. */
const stack = inject('stack');
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const inFront = (script: string) => docker('exec', containerOf(stack, 'front'), 'sh', '-c', script);
const withConfig = (more: Record<string, unknown> = {}) => {
  const config = { ...inject('config'), ...more };
  return [testStack(stack, Object.fromEntries(Object.entries(config).map(([key, value]) => [`drawbridge:${key}`, value]))), parseConfig(config)] as const;
};
const look = (more?: Record<string, unknown>) => lookAt(...withConfig(more));
const nothing: Omit<DriftReport, 'stack' | 'ok'> = { findings: [], beside: [], unknown: [] };

/** What an administrator may do, who is gone before `up` comes. */
function setRealm(): void {
  const administrator = new Administrator(stack);
  administrator.run(async ({ origin, admin: headers }) => {
    const realm = `${origin}/admin/realms/main`;
    const put = (path: string, body: object) => fetch(`${realm}${path}`, { method: 'PUT', headers, body: JSON.stringify(body) });
    await put('', { accessTokenLifespan: 4242 });
    const [client] = (await (await fetch(`${realm}/clients?clientId=cursor`, { headers })).json()) as { id: string; redirectUris: string[] }[];
    await put(`/clients/${client!.id}`, { ...client, redirectUris: [...client!.redirectUris, 'https://evil.example/callback'] });
    const scopes = (await (await fetch(`${realm}/client-scopes`, { headers })).json()) as { id: string; name: string }[];
    await fetch(`${realm}/client-scopes/${scopes.find(({ name }) => name === 'mcp:write')!.id}`, { method: 'DELETE', headers });
  }, {});
  administrator.leave();
}

describe('a stack', { timeout: 300_000 }, () => {
  it('as `up` left it has no drift', async () => {
    expect(await look()).toEqual(nothing);
  });

  it('whose config was changed and not deployed is said to differ, key by key', async () => {
    const { findings } = await look({ sessions: { accessToken: '5m' }, limits: { perUser: 77 } });
    expect(findings).toContainEqual({ what: 'realm main', path: 'accessTokenLifespan', expected: '300', found: '600', up: 'sets it so again' });
    // Among them is a secret: then none of their values is shown.
    expect(findings.filter(({ what }) => what === 'container server')).toEqual([{ what: 'container server', path: expect.stringMatching(/^envs\./) as string, expected: '[secret]', found: '[secret]', up: 'replaces it' }]);
  });

  it('that was changed by hand is said to differ in each place, and `up --refresh` sets it so again', async () => {
    setRealm();
    inFront('echo "# by hand" >> /run/nginx/nginx.conf');
    docker('network', 'connect', 'bridge', containerOf(stack, 'server'));
    docker('update', '--memory', '1000m', '--memory-swap', '1000m', containerOf(stack, 'backend-time'));
    const certificates = containerOf(stack, 'certificates');
    const image = docker('inspect', '--format', '{{.Image}}', certificates);
    docker('rm', '--force', certificates);
    docker('run', '--detach', '--name', certificates, '--label', `dev.drawbridge.stack=${stack}`, '--env', 'FOO=bar', '--entrypoint', 'sleep', image, '600');

    const { findings, unknown } = await look();
    expect(unknown).toEqual([]);
    const of = (what: string, path = ''): Finding | undefined => findings.find((finding) => finding.what === what && finding.path === path);
    expect(of('realm main', 'accessTokenLifespan')).toMatchObject({ expected: '600', found: '4242', up: 'sets it so again' });
    expect(of('realm main: client cursor', 'redirectUris')!.found).toContain('https://evil.example/callback');
    expect(of('realm main: client cursor', 'redirectUris')!.expected).not.toContain('evil');
    expect(of('realm main: scope mcp:write')).toMatchObject({ expected: 'there', found: 'gone' });
    expect(of('front', 'what nginx reads')).toMatchObject({ expected: 'no such line', found: '# by hand', up: 'sets it so again' });
    expect(of('container server', 'networksAdvanced')).toMatchObject({ found: expect.stringMatching(/^bridge, /) as string, up: 'replaces it' });
    expect(of('container backend-time', 'memory')).toMatchObject({ found: '1000', up: 'replaces it' });
    expect(of('container certificates')).toMatchObject({ expected: 'the container of the last up', found: expect.stringMatching(/^another one of that name, made by hand from /) as string, up: 'makes it' });

    const [options, config] = withConfig();
    await up({ ...options, refresh: await handMade(options, config) });
    expect(await look()).toEqual(nothing);
  });

  it('whose front was given another configuration is said to differ, line by line', async () => {
    inFront('sed -i "s/server_tokens off/server_tokens on/" /configuration/current');
    const { findings } = await look();
    inFront('sed -i "s/server_tokens on/server_tokens off/" /configuration/current');
    expect(findings).not.toEqual([]);
    // It has two parts: with a certificate, and yet without.
    for (const finding of findings) expect(finding).toEqual({ what: 'front', path: 'configuration', expected: 'server_tokens off;', found: 'server_tokens on;', up: 'sets it so again' });
  });
});
