import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished, vi } from 'vitest';
import { openRelay, openTunnel } from '../../host/tunnel.ts';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));

it('a tunnel takes its port on every loopback address, or is none: what is sent to localhost goes through it and to nobody else', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-tunnel-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'ssh'), `#!/bin/sh\necho "$*" > ${directory}/arguments\necho open\nexec cat >/dev/null\n`);
  chmodSync(join(directory, 'ssh'), 0o755);
  vi.stubEnv('PATH', `${directory}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());

  const close = await openTunnel('ssh://root@h', 18081, '10.0.0.5:18081');
  onTestFinished(close);
  const called = readFileSync(join(directory, 'arguments'), 'utf8');
  expect(called).toContain('-o ExitOnForwardFailure=yes -L 127.0.0.1:18081:10.0.0.5:18081');
  expect(called.includes('-L [::1]:18081:10.0.0.5:18081')).toBe(hasIpv6);
});

it('what listens on another address of the machine is reached from each loopback address, until that is closed', async () => {
  const server = createServer((socket) => socket.end('keycloak')).listen(0, '127.0.0.2');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port, close } = await openRelay('127.0.0.2', (server.address() as AddressInfo).port);
  for (const host of ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])]) expect(await text(connect(port, host))).toBe('keycloak');
  close();
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow(/ECONNREFUSED/);
});
