import * as pulumi from '@pulumi/pulumi';
import { type Config, parseConfig } from './config.ts';
import { decoded } from './config/decoded.ts';
import { keyProblems } from './config/namespace.ts';

/**
 * Reads this stack's config from Pulumi.
 * @throws RunError, which Pulumi prints without a stack trace, with every problem at once.
 */
export function readStackConfig(): Config {
  const namespace = pulumi.getProject();
  const prefix = `${namespace}:`;
  const all = pulumi.runtime.allConfig();
  const raw: Record<string, unknown> = {};
  // All keys are read, not just the known ones, so that a misspelt key is an error and not silence.
  for (const [key, value] of Object.entries(all))
    if (key.startsWith(prefix)) raw[key.slice(prefix.length)] = decoded(value);
  try {
    return parseConfig(raw, keyProblems(Object.keys(all), namespace));
  } catch (error) {
    throw new pulumi.RunError((error as Error).message);
  }
}

/** Gives the secret that the config names at some place: a Pulumi secret, however `secrets` was set. */
export type SecretOf = (reference: { readonly secret: string }) => pulumi.Output<string>;

/** From `secrets`, in which `parseConfig` has found every name that is referred to. */
export const secretOf: SecretOf = ({ secret }) => new pulumi.Config().requireSecretObject<Record<string, string>>('secrets').apply((values) => values[secret]!);
