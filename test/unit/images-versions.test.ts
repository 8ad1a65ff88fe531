import { describe, expect, it } from 'vitest';
import { baseNames, npmVersion, officialReference, versions } from '../../images/versions.ts';

describe('versions', () => {
  it.each(baseNames)('%s is pinned to a version, never to latest or a digest from memory', (name) => {
    expect(versions[name].tag).toMatch(/^v?\d+\.\d+(\.\d+)?(-[a-z-]+)?$/);
    if (name !== 'cloudflared') expect(versions[name].standIn).toMatch(/^\d+(\.\d+)*$/);
    expect(officialReference(name)).toBe(`${versions[name].repository}:${versions[name].tag}`);
    expect(officialReference(name)).not.toContain('@');
  });

  it.each(['node', 'keycloak'] as const)('%s has one version for both kinds of base', (name) => {
    expect(versions[name].tag.split('-')[0]).toBe(versions[name].standIn);
  });

  it('PostgreSQL has one major version for both kinds of base: another cannot read its data', () => {
    expect(versions.postgres.tag.split('.')[0]).toBe(versions.postgres.standIn);
  });

  it('npm is pinned', () => {
    expect(npmVersion).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
