import * as pulumi from '@pulumi/pulumi';
import { type Config, parseConfig } from './config.ts';

/**
 * Reads this stack's config from Pulumi. Values arrive as strings, objects and lists as JSON.
 * @throws RunError, which Pulumi prints without a stack trace, with every problem at once.
 */
export function readStackConfig(): Config {
  const prefix = `${pulumi.getProject()}:`;
  const raw: Record<string, unknown> = {};
  // All keys are read, not just the known ones, so that a misspelt key is an error and not silence.
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig()))
    if (key.startsWith(prefix)) raw[key.slice(prefix.length)] = decode(value);
  try {
    return parseConfig(raw);
  } catch (error) {
    throw new pulumi.RunError((error as Error).message);
  }
}

function decode(value: string): unknown {
  if (!/^[[{]|^(true|false|-?\d+)$/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
