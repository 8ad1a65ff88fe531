import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { refuseSwallowed } from '../../cli/swallowed.ts';

const down = new Command('down').option('--stack <name>').option('--dry-run').option('--no-verify').option('--json').option('--older-than <age>');
const refusal = (environment: Record<string, string>) => {
  try {
    refuseSwallowed(down, environment);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
};

describe('an option that npm kept for itself, since no -- was before it', () => {
  it.each([
    [{ npm_config_stack: 'dev' }, '--stack dev'],
    [{ npm_config_dry_run: 'true' }, '--dry-run'],
    [{ npm_config_verify: '' }, '--no-verify'],
    [{ npm_config_older_than: '3h', npm_config_dry_run: 'true' }, '--dry-run --older-than 3h'],
  ])('is refused before anything is done, with how it is typed: %j', (environment, typed) => {
    expect(refusal(environment)).toContain(`nothing was done. Options come after a --: npm run down -- ${typed}`);
  });

  it('is none where it is of another command, or of npm’s own settings', () => {
    expect(refusal({ npm_config_registry: 'x', npm_config_tier: 'host', npm_config_json: 'true', npm_lifecycle_event: 'down' })).toBeUndefined();
  });
});
