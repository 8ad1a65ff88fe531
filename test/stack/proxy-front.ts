import { execFile } from 'node:child_process';
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { type Agent, request as tlsRequest, type RequestOptions } from 'node:https';
import { connect as connectTls } from 'node:tls';
import type Docker from 'dockerode';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { parseConfig } from '../../infra/config.ts';
import { configurationText, type FrontInput } from '../../proxy/front.ts';
import { renderNginx } from '../../proxy/nginx.ts';
import { baseImage, Containers, exitCode, output, published, type Run, until } from './proxy-containers.ts';

export const endpoints = deriveEndpoints(parseConfig({ profile: 'local' }));

// Answers every request with what it received; `?stream` sends a first part, and the rest a second later.
const echo = `
require('node:http').createServer((request, response) => {
  response.setHeader('strict-transport-security', 'max-age=1');
  response.setHeader('set-cookie', 'planted=1');
  response.setHeader('access-control-allow-origin', 'https://upstream.example');
  const { method, url, headers } = request;
  const answer = JSON.stringify({ by: process.env.NAME, connection: request.socket.remotePort, method, url, headers });
  if (url.includes('stream')) { response.write('first'); setTimeout(() => response.end('last'), Number(url.split('stream=')[1] ?? 1000)); }
  else if (url.includes('crash')) request.socket.destroy();
  else request.resume().on('end', () => response.end(answer));
}).listen(Number(process.env.PORT ?? 8080));`;

export interface Echo {
  by: string;
  method: string;
  url: string;
  headers: Record<string, string>;
}

export const behindTunnel: Partial<FrontInput> = { network: 'host', connectorPort: 18086, upstreams: { server: 'http://127.0.0.1:8080', authorizationServer: 'http://127.0.0.1:8080' }, hsts: true };

/** A front with an echo in place of each upstream, without a certificate yet. */
export class FrontFixture {
  readonly containers = new Containers();
  front!: Docker.Container;
  /** The first echo of each name. */
  readonly echoes: Record<string, Docker.Container> = {};
  #image = '';
  #node = '';
  /** The certificates volume. */
  certificates = '';
  #ports: Record<number, number> = {};

  async build(): Promise<void> {
    this.#node ||= await baseImage('node');
    this.#image ||= await this.containers.build('proxy/Dockerfile', { BASE: await baseImage('nginx') });
  }

  async start(differing: Partial<FrontInput> = {}): Promise<void> {
    await this.build();
    this.certificates = await this.containers.volume('certificates');
    const network = await this.containers.network();
    await Promise.all([this.startEcho('server'), this.startEcho('keycloak')]);
    this.front = await this.containers.run({
      image: this.#image,
      network,
      alias: 'front',
      user: '101:101',
      tmpfs: { '/run/nginx': 'uid=101,gid=0,mode=0770', '/var/cache/nginx': 'uid=101,mode=0700' },
      binds: [`${this.certificates}:/certificates:ro`, `${await this.containers.volume('configuration')}:/configuration`],
      ports: [80, 443],
    });
    await this.configure(differing);
    this.#ports = { 80: await published(this.front, 80), 443: await published(this.front, 443) };
    await until('nginx listens', () => this.get('/', { plain: true }).then(() => true, () => false));
  }

  /** Gives a front another configuration, as the stack does. Fails with what nginx says. */
  async configure(differing: Partial<FrontInput>, front = this.front, change = (text: string) => text): Promise<void> {
    const text = configurationText(
      renderNginx({ endpoints, network: 'bridge', upstreams: { server: 'http://server:8080', authorizationServer: 'http://keycloak:8080' }, hsts: false, ...differing }),
    );
    await new Promise<void>((done, failed) => {
      const command = execFile('docker', ['exec', '--interactive', front.id, 'sh', '/usr/local/lib/drawbridge/configure.sh'], (error, _, stderr) => (error ? failed(new Error(stderr)) : done()));
      command.stdin!.end(change(text));
    });
  }

  /** The front as it runs on a host's own network, here inside another container's, and the echo that it finds on loopback there. */
  async startOnHostNetwork(): Promise<Docker.Container> {
    // As on a host, only root with NET_BIND_SERVICE may bind ports 80 and 443.
    const host = await this.startEcho('server', { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } });
    const upstreams = { server: 'http://127.0.0.1:8080', authorizationServer: 'http://127.0.0.1:8080' };
    const front = await this.containers.run({
      image: this.#image,
      network: `container:${host.id}`,
      user: '0:0',
      capabilities: ['NET_BIND_SERVICE', 'SETUID', 'SETGID'],
      tmpfs: { '/run/nginx': 'uid=101,gid=0,mode=0770', '/var/cache/nginx': 'uid=101,mode=0700' },
      binds: [`${this.certificates}:/certificates:ro`, `${await this.containers.volume('host-configuration')}:/configuration`],
    });
    await this.configure({ network: 'host', upstreams, hsts: true, metricsPort: 18083 }, front);
    return front;
  }

  /** The front behind a tunnel's connector, which finds it on the loopback of a host, here of the echo's container. It has no certificates, and is not root. */
  async startBehindTunnel(): Promise<{ host: Docker.Container; front: Docker.Container }> {
    await this.build();
    const host = await this.startEcho('server');
    const front = await this.containers.run({
      image: this.#image,
      network: `container:${host.id}`,
      user: '101:101',
      tmpfs: { '/run/nginx': 'uid=101,gid=0,mode=0770', '/var/cache/nginx': 'uid=101,mode=0700' },
      binds: [`${await this.containers.volume('tunnel-configuration')}:/configuration`],
    });
    await this.configure(behindTunnel, front);
    return { host, front };
  }

  /** A script that runs beside the front. */
  async startNode(script: string, differing: Partial<Run>): Promise<Docker.Container> {
    return this.containers.run({ image: this.#node, network: await this.containers.network(), user: '1000:1000', entrypoint: ['node', '-e', script], ...differing });
  }

  async startEcho(name: string, differing: { sysctls?: Record<string, string> } = {}): Promise<Docker.Container> {
    const container = await this.startNode(echo, { alias: name, env: { NAME: name }, ...differing });
    this.echoes[name] ??= container;
    return container;
  }

  /** Runs a shell command where the certificates container would run. */
  async onCertificates(script: string): Promise<string> {
    return this.containers.once({
      image: this.#image,
      network: await this.containers.network(),
      user: '101:0',
      entrypoint: ['sh', '-euc', script],
      tmpfs: { '/tmp': '' },
      binds: [`${this.certificates}:/certificates`],
    });
  }

  /** What curl prints in a container of its own, with an address of its own, when it asks the front. */
  async curlFrom(container: Docker.Container, path: string, ...options: string[]): Promise<string> {
    return output(container, ['curl', '--silent', '--insecure', '--connect-to', 'localhost:8443:front:443', ...options, `https://localhost:8443${path}`]);
  }

  /** A container on the front's network that does nothing. */
  async bystander(): Promise<Docker.Container> {
    return this.containers.run({ image: this.#image, network: await this.containers.network(), entrypoint: ['sleep', 'infinity'] });
  }

  /** Publishes a new certificate for localhost the way the certificates container does, and returns its PEM. */
  async issue(): Promise<string> {
    return this.onCertificates(`
      directory=$(mktemp -d /certificates/issued-XXXXXX)
      chmod 0750 "$directory"
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \\
        -keyout "$directory/privkey.pem" -out "$directory/fullchain.pem" 2>/dev/null
      chmod 0440 "$directory/privkey.pem"
      ln -s "\${directory##*/}" /certificates/next
      mv -T /certificates/next /certificates/live
      cat "$directory/fullchain.pem"`);
  }

  /** Publishes a first certificate and waits until TLS is up. */
  async serve(): Promise<void> {
    await this.issue();
    await until('the front is healthy', () => this.healthy());
  }

  async healthy(container = this.front): Promise<boolean> {
    return (await exitCode(container, ['sh', '/usr/local/lib/drawbridge/front-health.sh'])) === 0;
  }

  servedSerial(): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: this.port(443), servername: 'localhost', rejectUnauthorized: false }, () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber);
        socket.destroy();
      }).on('error', reject);
    });
  }

  /** Sends a request whose path goes over the wire as it stands. */
  get(path: string, options: Ask = {}): Promise<Answer> {
    const { plain, onFirst, body, ...rest } = options;
    return new Promise((resolve, reject) => {
      const request = (plain ? plainRequest : tlsRequest)(
        {
          host: '127.0.0.1',
          port: this.#ports[plain ? 80 : 443],
          path,
          servername: 'localhost',
          rejectUnauthorized: false,
          ...rest,
          headers: { host: 'localhost:8443', ...rest.headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            if (text === '') onFirst?.();
            text += piece;
          });
          response.on('error', reject).on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
        },
      );
      request.on('error', reject).end(body);
    });
  }

  async echo(path: string, options: Ask = {}): Promise<Echo> {
    const { status, text } = await this.get(path, options);
    if (status !== 200) throw new Error(`${path} gave ${status}: ${text}`);
    return JSON.parse(text) as Echo;
  }

  port(inside: 80 | 443): number {
    return this.#ports[inside]!;
  }
}

export interface Ask extends RequestOptions {
  /** Over HTTP on port 80. */
  plain?: boolean;
  headers?: Record<string, string>;
  body?: string | Buffer;
  agent?: Agent;
  onFirst?: () => void;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}
