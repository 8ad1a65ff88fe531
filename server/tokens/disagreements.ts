/** What an authorization server says about itself (RFC 8414 §2). Nothing of it is believed unseen. */
export type Metadata = Readonly<Record<string, unknown>>;

export interface Expected {
  readonly issuer: string;
  /** What is needed from it to check tokens. */
  readonly endpoint: 'jwks_uri' | 'introspection_endpoint';
  readonly servers: readonly { readonly name: string; readonly scopes: readonly string[] }[];
}

/** What in the authorization server's metadata does not fit. With a fatal one no token can be accepted. */
export interface Disagreement {
  readonly fatal: boolean;
  readonly text: string;
}

/** Everything that does not fit, each with its remedy. */
export function disagreements(metadata: Metadata, expected: Expected): Disagreement[] {
  const fatal = [...wrongIssuer(metadata, expected), ...missingEndpoint(metadata, expected)];
  const others = [...missingPkce(metadata), ...unknownScopes(metadata, expected), ...noRegistration(metadata), ...noBasic(metadata, expected), ...plainHttp(metadata)];
  return [...fatal.map((text) => ({ fatal: true, text })), ...others.map((text) => ({ fatal: false, text }))];
}

function* wrongIssuer(metadata: Metadata, { issuer }: Expected) {
  // Byte for byte: clients refuse the metadata otherwise, and so would every token be here (RFC 8414 §3.3, the mix-up attack).
  if (metadata.issuer !== issuer)
    yield `issuer: it calls itself ${JSON.stringify(metadata.issuer) ?? 'nothing'}, not ${JSON.stringify(issuer)}; set drawbridge:authorizationServer.issuer to exactly what it says, or correct it there`;
}

function* missingEndpoint(metadata: Metadata, { endpoint }: Expected) {
  const value = metadata[endpoint];
  if (typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value)) return;
  yield endpoint === 'jwks_uri'
    ? 'jwks_uri: it publishes no signing keys; let it sign access tokens as JWTs, or set drawbridge:authorizationServer.introspection'
    : 'introspection_endpoint: it names none; switch introspection on there, or leave out drawbridge:authorizationServer.introspection where access tokens are JWTs';
}

function* missingPkce(metadata: Metadata) {
  if (!lists(metadata.code_challenge_methods_supported, 'S256'))
    yield 'code_challenge_methods_supported: does not list S256, without which MCP clients refuse to sign in; switch PKCE with S256 on there';
}

function* unknownScopes({ scopes_supported: supported }: Metadata, { servers }: Expected) {
  if (!Array.isArray(supported)) return;
  for (const { name, scopes } of servers)
    if (!scopes.some((scope) => supported.includes(scope)))
      yield `scopes_supported: lists none of the scopes of the server ${name} (${scopes.join(', ')}); create them there, or set the scopes of the server to some that are`;
}

function* noRegistration(metadata: Metadata) {
  if (metadata.registration_endpoint === undefined && metadata.client_id_metadata_document_supported !== true)
    yield 'registration_endpoint: there is none, and no client_id_metadata_document_supported either; create each MCP client there by hand and type its client id into the client';
}

function* noBasic({ introspection_endpoint_auth_methods_supported: methods }: Metadata, { endpoint }: Expected) {
  if (endpoint === 'introspection_endpoint' && methods !== undefined && !lists(methods, 'client_secret_basic'))
    yield 'introspection_endpoint_auth_methods_supported: does not list client_secret_basic, the method in use here; allow it there for this client';
}

function* plainHttp(metadata: Metadata) {
  for (const [name, value] of Object.entries(metadata)) {
    if (name !== 'issuer' && name !== 'jwks_uri' && !name.endsWith('_endpoint')) continue;
    if (typeof value !== 'string' || !URL.canParse(value)) continue;
    const { protocol, hostname, href } = new URL(value);
    if (protocol === 'http:' && !isLoopback(hostname))
      yield `${name}: is ${href}, so that anyone on the way can read and change what passes; serve it over https`;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function lists(value: unknown, item: string): boolean {
  return Array.isArray(value) && value.includes(item);
}
