import { type Config, ConfigError, warningsOf } from '../infra/config.ts';
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
  const { issuer, authorizationServer, servers } = deriveEndpoints(config);
  const resources = servers.map(({ name, resource }) => ({ name, url: resource }));
  const warnings = warningsOf(config);
  if (json) {
    const { profile, tier, auth } = config;
    const facts = { issuer: issuer?.issuer, jwksUrl: authorizationServer?.jwksUrl, authorizationServerMetadataUrl: authorizationServer?.metadataUrl };
    console.log(JSON.stringify({ ok: true, stack, profile, tier, auth, resources, ...facts, warnings }, null, 2));
    return;
  }
  console.log(`The config of stack ${stack} is right (profile ${config.profile}, tier ${config.tier}, auth ${config.auth}).`);
  for (const { url } of resources) console.log(`MCP URL   ${url}`);
  if (issuer) console.log(`Issuer    ${issuer.issuer}`);
  if (authorizationServer) console.log(`JWKS      ${authorizationServer.jwksUrl}`);
  for (const warning of warnings) console.warn(warning);
}
