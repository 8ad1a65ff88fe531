import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters, type JWTPayload } from 'jose';

/** An authorization server as far as a resource server sees it: keys at a URL, and tokens signed with them. */
export class TokenIssuer {
  readonly issuer = 'https://mcp.example.org/auth/realms/main';
  /** How often the keys were fetched. */
  fetches = 0;
  /** While set, everything answers 503. */
  down = false;
  /** What else it answers, or answers otherwise, by path. */
  readonly routes: Record<string, RequestListener> = {};
  #key!: CryptoKey;
  #published!: JWK;
  #server!: Server;

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await issuer.rotate('key-1');
    issuer.#server = createServer((req, res) => issuer.#answer(req, res)).listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    return issuer;
  }

  get jwksUrl(): string {
    return this.url('/certs');
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** The public key as published. */
  get publicKey(): JWK {
    return this.#published;
  }

  /** Replaces the signing key and publishes the new one. */
  async rotate(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    this.#key = privateKey;
    this.#published = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  }

  /** Signs an access token as Keycloak does. Claims and header fields that are `undefined` are left out. */
  async token(claims: JWTPayload = {}, header: Partial<JWTHeaderParameters> = {}, key: CryptoKey = this.#key): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.issuer,
      aud: 'https://mcp.example.org/mcp',
      sub: 'f6a3c1d2-alice',
      azp: 'a-client',
      preferred_username: 'alice',
      scope: 'openid mcp:read',
      typ: 'Bearer',
      iat: now,
      exp: now + 300,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: this.#published.kid, ...header }).sign(key);
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  readonly #answer: RequestListener = (req, res) => {
    const keys = req.url === '/certs';
    if (keys) this.fetches += 1;
    if (this.down) return void res.writeHead(503).end();
    const route = this.routes[req.url ?? ''];
    if (route) return route(req, res);
    res.writeHead(keys ? 200 : 404, { 'Content-Type': 'application/json' }).end(JSON.stringify(keys ? { keys: [this.#published] } : { error: 'not_found' }));
  };
}
