import { Agent } from 'node:https';
import { X509Certificate } from 'node:crypto';
import type Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCode, logs, output, until } from './proxy-containers.ts';
import { FrontFixture } from './proxy-front.ts';
import { underLoad } from './under-load.ts';

const login = '/auth/realms/main/login-actions/authenticate';

const serialOf = (pem: string) => new X509Certificate(pem).serialNumber;

describe('a front', () => {
  const front = new FrontFixture();
  beforeAll(() => front.start());
  afterAll(() => front.containers.remove());

  it('answers 503 with Retry-After and is not healthy before the first certificate', async () => {
    const { status, headers } = await front.get('/mcp', { plain: true });
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(await front.healthy()).toBe(false);
    await expect(front.get('/mcp')).rejects.toThrow();
  });

  it('starts TLS by itself once there is one, and is healthy then', async () => {
    const certificate = await front.issue();
    await until('the front is healthy', () => front.healthy());
    expect(await front.servedSerial()).toBe(serialOf(certificate));
  });

  it('loads a renewed certificate without failing a request or cutting a stream', async () => {
    const stream = front.get('/mcp?stream=8000');
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const renew = async () => {
      const renewed = serialOf(await front.issue());
      await until('the renewed certificate is served', async () => (await front.servedSerial()) === renewed);
    };
    expect(await underLoad(8, () => front.echo('/mcp', { agent }), renew)).toBeGreaterThan(100);
    agent.destroy();
    expect((await stream).text).toBe('firstlast');
  });

  it('shows each client a certificate together with its own key, also at the very moment at which both are replaced', async () => {
    const replacing = `
       cd /run/nginx
       former=$(readlink certificate)
       cp -r "$former" another
       openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout another/privkey.pem -out another/fullchain.pem 2>/dev/null
       for time in $(seq 1500); do
         for each in another "$former"; do ln -s "$each" moving && mv -T moving certificate; done
       done
       rm -r another`;
    const serials = new Set<string>();
    const handshake = async () => serials.add(await front.servedSerial());
    expect(await underLoad(4, handshake, () => output(front.front, ['sh', '-euc', replacing]))).toBeGreaterThan(100);
    expect(serials.size).toBe(2);
  });

  it('takes over another configuration in place, without failing a request or cutting a stream: kept connections are ended by their clients', async () => {
    const stream = front.get('/mcp?stream=12000');
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const closing: number[] = [];
    const request = async () => {
      const { status, headers } = await front.get('/mcp', { agent });
      expect(status).toBe(200);
      if (headers.connection?.includes('close')) closing.push(performance.now());
    };
    const before = (await front.front.inspect()).Id;
    expect(await underLoad(8, request, () => front.configure({ callers: ['192.0.2.1/32', '0.0.0.0/0'] }))).toBeGreaterThan(100);
    agent.destroy();
    // For longer than clients keep a connection that they do not use.
    expect(closing.at(-1)! - closing[0]!).toBeGreaterThan(5_000);
    expect((await stream).text).toBe('firstlast');
    expect((await front.front.inspect()).Id).toBe(before);
  });

  it('refuses a broken certificate, says so once, and goes on with the old one', async () => {
    const before = await front.servedSerial();
    const publish = (directory: string) => `ln -s ${directory} /certificates/next; mv -T /certificates/next /certificates/live`;
    const good = (await front.onCertificates('readlink /certificates/live')).trim();
    const otherKey = 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out /certificates/broken/privkey.pem';
    await front.onCertificates(`mkdir /certificates/broken; cp /certificates/live/fullchain.pem /certificates/broken/; ${otherKey}; ${publish('broken')}`);
    await until('the refusal is logged', async () => (await logs(front.front)).includes('certificate-refused'));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await front.servedSerial()).toBe(before);
    await front.onCertificates(publish(good));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const refusals = (await logs(front.front)).split('\n').filter((line) => line.includes('certificate-refused'));
    expect(refusals).toHaveLength(1);
    expect(JSON.parse(refusals[0]!)).toMatchObject({ level: 'error', detail: expect.stringMatching(/key values mismatch/) });
    expect(await front.servedSerial()).toBe(before);
    const repaired = serialOf(await front.issue());
    await until('a later good certificate is served', async () => (await front.servedSerial()) === repaired);
  });

  it('refuses a configuration that nginx refuses, with its words, and goes on with the one before; also when it starts anew', async () => {
    await expect(front.configure({}, front.front, (text) => text.replace('ssl_session_timeout 1d;', 'ssl_session_timeout never;'))).rejects.toThrow(/"ssl_session_timeout" directive invalid value/);
    expect((await front.get('/mcp')).status).toBe(200);
    await front.front.restart({ t: 10 });
    await until('the front is healthy', () => front.healthy());
  });
});

describe('a front whose upstreams come and go', () => {
  const front = new FrontFixture();
  let server: Docker.Container;
  beforeAll(async () => {
    await front.start();
    await front.serve();
    server = front.echoes.server!;
  });
  afterAll(() => front.containers.remove());

  it('finds a container that was replaced and has another address', async () => {
    const address = async (container: Docker.Container) => Object.values((await container.inspect()).NetworkSettings.Networks)[0]!.IPAddress;
    expect((await front.get('/mcp')).status).toBe(200);
    const old = await address(server);
    await server.remove({ force: true });
    await front.startEcho('takes-the-old-address');
    server = await front.startEcho('server');
    expect(await address(server)).not.toBe(old);
    await until('the new container answers', async () => (await front.echo('/mcp').catch(() => undefined))?.by === 'server', 10);
  });

  it('answers 503 with Retry-After while one is down: JSON to a program, a page to a browser', async () => {
    await server.remove({ force: true });
    await front.echoes.keycloak!.remove({ force: true });
    await until('the address is forgotten', async () => (await front.get('/mcp')).status === 503, 10);
    const program = await front.get('/mcp', { method: 'POST' });
    expect([program.status, program.headers['retry-after'], JSON.parse(program.text).error]).toEqual([503, '5', 'temporarily_unavailable']);
    const browser = await front.get(login, { headers: { accept: 'text/html,*/*' } });
    expect([browser.status, browser.headers['retry-after'], browser.headers['content-type']]).toEqual([503, '5', 'text/html']);
    expect(browser.text).toContain('Reload this page in a few seconds');
  });

  it('logs requests as JSON, and no query, referrer, cookie, token or authorization code, also when upstreams fail', async () => {
    await front.startEcho('keycloak');
    const secret = 'planted-7d1f';
    const headers = { referer: `https://a.example/?code=${secret}`, cookie: `a=${secret}`, authorization: `Bearer ${secret}`, 'user-agent': 'a "client"' };
    const query = `?code=${secret}&state=${secret}`;
    await until('keycloak answers', async () => (await front.get(login)).status === 200, 10);
    for (const path of [`${login}${query}`, `${login}${query}&crash`, `/mcp${query}`, `/nothing${query}`, `${login}%3Fcode=${secret}`, `/x;code=${secret}`]) await front.get(path, { headers });
    await front.get(`/mcp${query}`, { headers, method: 'POST', body: Buffer.alloc(5_000_000) });
    await front.get(`/mcp${query}`, { headers, plain: true });
    await front.get(`${login}?a="${query}`, { headers }).catch(() => undefined);
    await until('the last request is logged', async () => (await logs(front.front)).includes('"status":308'));
    const text = await logs(front.front);
    expect(text).not.toContain(secret);
    expect(text).toMatch(/could not be resolved .* request: "POST \/mcp/);
    expect(text).toMatch(/prematurely closed .* request: "GET \/auth\/realms\/main\/login-actions\/authenticate"/);
    const lines = text.split('\n').filter((line) => line.startsWith('{"time"'));
    const requests = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.path !== undefined);
    expect(requests.find((line) => line.path === '/nothing')).toMatchObject({ method: 'GET', status: 404, host: 'localhost', agent: 'a "client"' });
  });

  it('finishes what it is doing when it is stopped, and then ends with 0', async () => {
    await front.startEcho('server');
    await until('the server answers', async () => (await front.get('/mcp')).status === 200, 10);
    let stop: Promise<unknown> | undefined;
    const { text } = await front.get('/mcp?stream=3000', { onFirst: () => (stop = front.front.stop({ t: 20 })) });
    await stop;
    expect(text).toBe('firstlast');
    expect((await front.front.inspect()).State.ExitCode).toBe(0);
  });
});

describe("a front on the host's own network", () => {
  const fixture = new FrontFixture();
  let front: Docker.Container;
  beforeAll(async () => {
    await fixture.start();
    await fixture.issue();
    front = await fixture.startOnHostNetwork();
  });
  afterAll(() => fixture.containers.remove());

  it('serves on ports 80 and 443 with three capabilities, workers that are not root, and HSTS', async () => {
    await until('the front is healthy', () => fixture.healthy(front));
    const curl = 'curl --fail --silent --insecure --resolve localhost:443:127.0.0.1';
    expect(await exitCode(front, ['sh', '-c', `${curl} --dump-header - https://localhost/mcp | grep -i '^strict-transport-security: max-age=31536000'`])).toBe(0);
    expect(await exitCode(front, ['sh', '-c', `${curl} --data-binary @/usr/bin/curl https://localhost/mcp`])).toBe(0);
    const { Titles, Processes } = (await front.top({ ps_args: '-eo pid,uid,args' })) as { Titles: string[]; Processes: string[][] };
    expect(Titles.slice(1)).toEqual(['UID', 'COMMAND']);
    const users = (process: string) => new Set(Processes.filter(([, , args]) => args!.startsWith(`nginx: ${process}`)).map(([, uid]) => uid));
    expect([users('master'), users('worker')]).toEqual([new Set(['0']), new Set(['101'])]);
  });

  it('serves the metrics of the certificate on loopback, and nothing else there', async () => {
    await fixture.onCertificates('echo drawbridge_certificate_failed_attempts 0 > /certificates/metrics');
    const ask = (origin: string, path: string) => output(front, ['curl', '--silent', '--insecure', '--write-out', '%{http_code}', '--resolve', 'localhost:443:127.0.0.1', `${origin}${path}`]);
    expect(await ask('http://127.0.0.1:18083', '/metrics')).toBe('drawbridge_certificate_failed_attempts 0\n200');
    for (const path of ['/', '/live/privkey.pem', '/metrics/../live/privkey.pem', '/metrics/']) expect(await ask('http://127.0.0.1:18083', path)).toMatch(/404$/);
    expect(await ask('https://localhost', '/metrics')).toMatch(/404$/);
  });

  it('uses kept connections to its upstreams', async () => {
    const ask = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do curl --silent --insecure --resolve localhost:443:127.0.0.1 https://localhost/mcp; done';
    // Each of the four workers has a pool of its own.
    expect(await exitCode(front, ['sh', '-c', `test $(${ask} | grep -o '"connection":[0-9]*' | sort -u | wc -l) -le 4`])).toBe(0);
  });
});
