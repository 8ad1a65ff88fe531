import { randomUUID } from 'node:crypto';
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthClientProvider, OAuthDiscoveryState, OAuthTokens } from '@modelcontextprotocol/client';

/**
 * What an MCP client remembers while it signs in, kept in memory. It starts with nothing: no client id, no issuer, no
 * scope. The shape serves the SDK's v1 and v2 clients alike.
 */
export class OAuthMemory implements OAuthClientProvider {
  readonly redirectUrl = 'http://localhost:43110/callback';
  /** Where the client last sent its user. */
  authorizationUrl?: URL;
  registered?: OAuthClientInformationMixed;
  granted?: OAuthTokens;
  readonly expectedState = randomUUID();
  #verifier = '';
  #discovered?: OAuthDiscoveryState;
  #clientName: string;

  constructor(clientName: string) {
    this.#clientName = clientName;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: this.#clientName,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
  state(): string {
    return this.expectedState;
  }
  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.registered;
  }
  saveClientInformation(information: OAuthClientInformationMixed): void {
    this.registered = information;
  }
  tokens(): OAuthTokens | undefined {
    return this.granted;
  }
  saveTokens(tokens: OAuthTokens): void {
    this.granted = tokens;
  }
  redirectToAuthorization(url: URL): void {
    this.authorizationUrl = url;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier(): string {
    return this.#verifier;
  }
  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovered = state;
  }
  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered;
  }
}
