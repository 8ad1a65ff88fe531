import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { stack } from '../support/outputs.ts';

const container = (role: string) => `drawbridge-${stack}-${role}`;
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const psql = (query: string) => docker('exec', container('database'), 'sh', '-c', `PGPASSWORD="$POSTGRES_PASSWORD" psql --username keycloak --tuples-only --no-align --command "${query}"`);

describe('PostgreSQL', () => {
  it('keeps no password but as SCRAM', () => {
    expect(psql('show password_encryption')).toBe('scram-sha-256');
    expect(psql("select rolname || ' ' || split_part(rolpassword, '\\$', 1) from pg_authid where rolpassword is not null")).toBe('keycloak SCRAM-SHA-256');
  });

  it('lets nobody in without it, from the network, from the container’s loopback or by its socket', () => {
    expect(new Set(psql('select auth_method from pg_hba_file_rules').split('\n'))).toEqual(new Set(['scram-sha-256']));
    for (const host of ['127.0.0.1', 'database', '/run/postgresql']) {
      const { status, stderr } = spawnSync('docker', ['exec', container('database'), 'psql', '--no-password', '--host', host, '--username', 'keycloak', '--command', 'select 1'], { encoding: 'utf8' });
      expect([host, status, stderr]).toEqual([host, 2, expect.stringMatching(/no password supplied/)]);
    }
  });

  it('publishes no port, and shares its one network, which leads nowhere, with Keycloak alone', () => {
    expect(docker('port', container('database'))).toBe('');
    expect(docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', container('database'))).toMatch(new RegExp(`^{"${container('data')}":`));
    const [network] = JSON.parse(docker('network', 'inspect', container('data'))) as { Internal: boolean; Containers: Record<string, { Name: string }> }[];
    expect(network!.Internal).toBe(true);
    expect(Object.values(network!.Containers).map(({ Name }) => Name).sort()).toEqual([container('database'), container('keycloak')]);
  });

  it('has what is committed on the disk within 30 ms, also what Keycloak does not wait for', () => {
    expect([psql('show fsync'), psql('show synchronous_commit'), psql('show wal_writer_delay')]).toEqual(['on', 'on', '10ms']);
  });

  it('and Keycloak cannot write to their roots, and have no capability and no way to get one', () => {
    for (const role of ['database', 'keycloak']) {
      expect(docker('exec', container(role), 'sh', '-c', 'touch /opt/x 2>&1 || true')).toMatch(/Read-only file system/);
      const status = docker('exec', container(role), 'grep', '--extended-regexp', '^(Uid|CapEff|CapBnd|NoNewPrivs)', '/proc/1/status');
      expect(status).toMatch(/CapEff:\s0{16}\nCapBnd:\s0{16}\nNoNewPrivs:\s1$/);
      expect(status).not.toMatch(/^Uid:\s0/);
    }
  });
});
