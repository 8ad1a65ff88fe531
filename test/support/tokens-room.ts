import type { Caller } from '../../server/caller.ts';
import { RefusedError, type Refusal } from '../../server/challenge.ts';
import { createLogger } from '../../server/logger.ts';
import type { AuthSettings } from '../../server/tokens/auth-settings.ts';
import { createTokens, type Tokens, type Verify } from '../../server/tokens/index.ts';
import { TokenIssuer } from './token-issuer.ts';

export const AUDIENCE = 'https://mcp.example.org/mcp';
export const SCOPES = ['mcp:read', 'mcp:write'];

/** Token validation, an authorization server for it to ask, and everything it logs. */
export class TokensRoom {
  readonly issuer: TokenIssuer;
  readonly tokens: Tokens;
  readonly verify: Verify;
  readonly #log: string[];

  private constructor(issuer: TokenIssuer, tokens: Tokens, log: string[]) {
    this.issuer = issuer;
    this.tokens = tokens;
    this.verify = tokens.verifier(AUDIENCE, SCOPES);
    this.#log = log;
  }

  /** @param prepare what the authorization server answers from the start */
  static async open(auth: (issuer: TokenIssuer) => AuthSettings, prepare: (issuer: TokenIssuer) => void = () => {}): Promise<TokensRoom> {
    const issuer = await TokenIssuer.start();
    const log: string[] = [];
    try {
      prepare(issuer);
      const logger = createLogger({ write: (line) => void log.push(line) });
      return new TokensRoom(issuer, await createTokens(auth(issuer), [{ name: 'notes', scopes: SCOPES }], logger), log);
    } catch (error) {
      await issuer.stop();
      throw error;
    }
  }

  /** Why the token is refused, or nothing when it is good. */
  async refusal(token: string, verify: Verify = this.verify): Promise<Refusal | undefined> {
    const outcome = await this.outcome(token, verify);
    return outcome instanceof RefusedError ? outcome.refusal : undefined;
  }

  async outcome(token: string, verify: Verify = this.verify): Promise<Caller | RefusedError> {
    try {
      return await verify(token);
    } catch (error) {
      if (error instanceof RefusedError) return error;
      throw error;
    }
  }

  /** The logged lines as level and message. */
  get log(): string[] {
    return this.#log.map((line) => JSON.parse(line) as { level: string; msg: string }).map(({ level, msg }) => `${level}: ${msg}`);
  }

  async close(): Promise<void> {
    this.tokens.close();
    await this.issuer.stop();
  }
}

/** Signed tokens, whose keys are at a known URL. */
export const withKeys = (issuer: TokenIssuer): AuthSettings => ({ kind: 'jwks', issuer: issuer.issuer, jwksUrl: issuer.jwksUrl });
