import { type Config, ConfigError } from '../../infra/config.ts';
import { type Answers, type Values, wholeConfig } from './answers.ts';
import { complete } from './read.ts';

/** The whole config of what is answered so far, with something that is right for what is not. @param before the config that is there @throws ConfigError */
export function draftOf(soFar: Partial<Answers>, before: Values): Config {
  const { host = 'mcp.example.org', tier = 'host' } = soFar;
  const cloudflare = { zone: host, accountId: '0'.repeat(32), token: '' };
  const rest = { profile: 'production', deploy: 'local', servers: [complete({ backend: 'builtin' })], clients: [], signIn: { users: [], providers: {} }, allow: 'everyone' } as const;
  return wholeConfig({ ...rest, host, tier, ...(tier === 'tunnel' && { cloudflare }), ...soFar }, before);
}

/** What is wrong with it. */
export function problemsOf(soFar: Partial<Answers>, before: Values): string[] {
  try {
    draftOf(soFar, before);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
}
