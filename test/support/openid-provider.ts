import { once } from 'node:events';
import type { Server } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

/** A person's claims, by the name that is typed into its sign-in page. */
export type Claims = Record<string, unknown>;

/** A real OpenID Connect provider (`oidc-provider`), whose sign-in page takes any password. It has one client: Drawbridge. */
export class OpenIdProvider {
  readonly people = new Map<string, Claims>();
  #server?: Server;

  /** @param callbackUrl of the stack, which an output names */
  async listen(address: string, port: number, client: { id: string; secret: string; callbackUrl: string }): Promise<void> {
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    const provider = new Provider(`http://${address}:${port}`, {
      clients: [{ client_id: client.id, client_secret: client.secret, redirect_uris: [client.callbackUrl], response_types: ['code'], grant_types: ['authorization_code'] }],
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...this.people.get(id) }) }),
      claims: { openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email', 'email_verified'] },
      // Into the ID token as well, as most providers do.
      conformIdTokenClaims: false,
      jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'test' }] },
      cookies: { keys: ['of this test only'] },
      pkce: { required: () => true },
    });
    this.#server = provider.listen(port, address);
    await once(this.#server, 'listening');
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }
}
