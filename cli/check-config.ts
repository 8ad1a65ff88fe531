import { type Config, ConfigError } from '../infra/config.ts';
import { deriveEndpoints } from '../infra/endpoints.ts';
import { readStackConfig } from './stack-file.ts';

export interface CheckConfigOptions {
  stack: string;
  json?: boolean;
  /** The folder of Pulumi.yaml. Default: the project's. */
  directory?: string;
}

/**
 * Validates a stack's config and shows the URLs it leads to. Reads files only.
 * @throws ConfigError with every problem, UsageError where there is no such stack
 */
export function checkConfig({ stack, json = false, directory }: CheckConfigOptions): void {
  let config: Config;
  try {
    config = readStackConfig(stack, directory);
  } catch (error) {
    if (json && error instanceof ConfigError) console.log(JSON.stringify({ ok: false, stack, problems: error.problems }, null, 2));
    throw error;
  }
  const { authorizationServer, servers } = deriveEndpoints(config);
  const { issuer, jwksUrl, metadataUrl } = authorizationServer;
  const resources = servers.map(({ name, resource }) => ({ name, url: resource }));
  if (json) {
    console.log(JSON.stringify({ ok: true, stack, profile: config.profile, tier: config.tier, resources, issuer, jwksUrl, authorizationServerMetadataUrl: metadataUrl }, null, 2));
    return;
  }
  console.log(`The config of stack ${stack} is right (profile ${config.profile}, tier ${config.tier}).`);
  for (const { url } of resources) console.log(`MCP URL   ${url}`);
  console.log(`Issuer    ${issuer}`);
  console.log(`JWKS      ${jwksUrl}`);
}
