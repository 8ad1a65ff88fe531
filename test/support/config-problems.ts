import { ConfigError, parseConfig } from '../../infra/config.ts';

/** What is wrong with a config of the local profile, each as `path message`. */
export function problemsOf(raw: Record<string, unknown>): string[] {
  try {
    parseConfig({ profile: 'local', ...raw });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
  return [];
}
