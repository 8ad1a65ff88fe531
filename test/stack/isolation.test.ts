import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { stack } from '../support/outputs.ts';

const name = (role: string) => `drawbridge-${stack}-${role}`;
const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' });
const networksOf = (role: string) => JSON.parse(docker('inspect', '--format', '{{json .NetworkSettings.Networks}}', name(role))) as Record<string, { IPAddress: string }>;
const addressesOf = (role: string) => Object.values(networksOf(role)).map(({ IPAddress }) => IPAddress);
const strangers = ['backend-everything', 'backend-everything-http', 'backend-files', 'backend-memory', 'backend-time'];

/** Runs a piece of JavaScript in a container, as the user that its server runs as. */
const inside = (role: string, script: string) => docker('exec', name(role), 'node', '-e', script).trim();

/** Which of the targets take a connection from inside a container. */
function reachable(role: string, targets: readonly { host: string; port: number }[]): string[] {
  const script = `
    const targets = ${JSON.stringify(targets)};
    Promise.all(targets.map(({ host, port }) => new Promise((resolve) => {
      const socket = require('node:net').connect({ host, port, timeout: 2000 });
      socket.on('connect', () => resolve(host + ':' + port)).on('error', () => resolve()).on('timeout', () => resolve());
    }))).then((open) => { console.log(JSON.stringify(open.filter(Boolean))); process.exit(); });`;
  return JSON.parse(inside(role, script)) as string[];
}

describe.each(strangers)('the code of others in %s', (role) => {
  it('shares its network with the gateway alone', () => {
    const [network, ...more] = Object.keys(networksOf(role));
    expect(more).toEqual([]);
    const members = JSON.parse(docker('network', 'inspect', '--format', '{{json .Containers}}', network!)) as Record<string, { Name: string }>;
    expect(Object.values(members).map((member) => member.Name).sort()).toEqual([name(role), name('server')].sort());
  });

  it('reaches neither Keycloak, PostgreSQL, another backend, nor the health of the gateway, by name or by address', () => {
    const others = strangers.filter((other) => other !== role);
    const targets = [
      ...['keycloak', ...addressesOf('keycloak')].flatMap((host) => [8080, 9000].map((port) => ({ host, port }))),
      ...['database', ...addressesOf('database')].map((host) => ({ host, port: 5432 })),
      ...others.flatMap((other) => [other, ...addressesOf(other)].map((host) => ({ host, port: 8080 }))),
      ...['server', ...addressesOf('server')].map((host) => ({ host, port: 8081 })),
    ];
    expect(reachable(role, targets)).toEqual([]);
  });

  it('sees no process of the gateway and nothing of its environment', () => {
    const seen = inside(role, `
      const { readdirSync, readFileSync } = require('node:fs');
      const read = (file) => { try { return readFileSync(file, 'latin1'); } catch { return ''; } };
      console.log(readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry)).map((pid) => read('/proc/' + pid + '/cmdline') + read('/proc/' + pid + '/environ')).join(' '));`);
    expect(seen).not.toMatch(/server\/main\.ts|DRAWBRIDGE_SERVER/);
  });

  it('runs without capabilities, not as root, on a root that it cannot write', () => {
    const [user, root] = inside(role, `let root = 'writable'; try { require('node:fs').writeFileSync('/planted', ''); } catch (error) { root = error.code; } console.log(process.getuid() + ' ' + root)`).split(' ');
    expect([Number(user) > 0, root]).toEqual([true, 'EROFS']);
    expect(inside(role, `console.log(/CapEff:\\s*(\\w+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1])`)).toBe('0000000000000000');
  });
});
