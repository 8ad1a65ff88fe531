import { type Config, warningsOf } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { type Answers, secretsOf } from './answers.ts';

const BOTS = 'Cloudflare’s zones keep AI bots out unless told otherwise, and Claude’s calls with them: set drawbridge:cloudflare.manageBotSettings to true, or see to it in the dashboard (docs/tunnel.md)';

/** What is to be done with a new config. */
export interface Next {
  /** What `up` is going to make. */
  readonly happens: readonly string[];
  /** What is allowed, and dangerous or not what one may think. */
  readonly warnings: readonly string[];
  /** What to do elsewhere first. */
  readonly before: readonly string[];
  readonly commands: readonly Command[];
}

export interface Command {
  readonly run: string;
  readonly why: string;
}

export function nextSteps(stack: string, answers: Answers, config: Config): Next {
  const { issuer, authorizationServer, servers, hosts } = deriveEndpoints(config);
  const { tier, deploy, profile } = answers;
  const machine = deploy === 'local' ? 'this machine' : deploy;
  const option = `--stack ${stack}`;
  const secrets = secretsOf(answers);
  const pulumi = profile === 'production';
  const callbacks = Object.entries(authorizationServer?.identityProviders ?? {}).map(([alias, { callbackUrl }]) => `Give ${alias} the callback URL ${callbackUrl}`);
  const plain = `Put ${secrets.map(({ name, what }) => `\`${name}\` (${what})`).join(' and ')} under \`drawbridge:secrets\` in Pulumi.${stack}.yaml yourself: in profile preview they stand there in plain text, so keep the file to yourself and out of version control`;
  return {
    happens: [
      ...servers.map(({ name, resource }) => `MCP server ${name} at ${resource}`),
      ...(issuer ? [`Keycloak as authorization server: ${issuer.issuer}`] : []),
      `containers on ${machine}, with PostgreSQL for Keycloak`,
      tier === 'host'
        ? `nginx on ${machine}: ports 80 and 443, a certificate for ${hosts.join(' and ')} by ACME, and firewall rules`
        : `a tunnel and a DNS record for ${hosts.join(' and ')} in the zone ${config.cloudflare!.zone}: no port is opened`,
    ],
    warnings: warningsOf(config),
    before: [...callbacks, ...(config.cloudflare && !config.cloudflare.manageBotSettings && config.clients.some((client) => client === 'claude') ? [BOTS] : []), ...(secrets.length > 0 && !pulumi ? [plain] : [])],
    commands: [
      ...(pulumi
        ? [
            { run: 'pulumi login --local', why: 'where Pulumi keeps the state: on this machine, or elsewhere (`pulumi login --help`)' },
            { run: 'export PULUMI_CONFIG_PASSPHRASE=…', why: 'Pulumi encrypts secrets with it, and asks for it otherwise, which verify and drift cannot' },
            { run: `pulumi stack select --create ${stack}`, why: 'makes its state' },
            ...secrets.map(({ name, what }) => ({ run: `pulumi config set ${option} --secret --path 'drawbridge:secrets.${name}'`, why: `asks for ${what}, and keeps it encrypted` })),
          ]
        : []),
      { run: `npm run check-config -- ${option}`, why: 'whether all of the config is right' },
      { run: `npm run host -- check ${option}`, why: 'what is in the way on the machine' },
      { run: `npm run host -- prepare ${option}`, why: 'gives it what it lacks, and says so first' },
      ...(pulumi
        ? [
            { run: `pulumi up ${option}`, why: 'makes all of it' },
            { run: `pulumi stack output resources ${option}`, why: 'the URLs for your clients' },
            ...(answers.signIn.users.length > 0 ? [{ run: `pulumi stack output users --show-secrets ${option}`, why: 'the first passwords of the accounts' }] : []),
            { run: `npm run verify -- ${option}`, why: 'whether clients will connect' },
          ]
        : [{ run: `npm run up -- ${option}`, why: 'makes all of it, and says whether clients will connect' }]),
      ...(tier === 'tunnel' ? [{ run: `npm run status -- ${option}`, why: 'what of it runs, the tunnel included, and what is wrong' }] : []),
    ],
  };
}

export function nextLines({ happens, warnings, before, commands }: Next): string[] {
  const width = Math.max(...commands.map(({ run }) => run.length));
  return [
    'It will make:',
    ...happens.map((line) => `  - ${line}`),
    ...(warnings.length > 0 ? ['', 'Mind:', ...warnings.map((line) => `  - ${line}`)] : []),
    ...(before.length > 0 ? ['', 'First:', ...before.map((line) => `  - ${line}`)] : []),
    '',
    before.length > 0 ? 'Then run:' : 'Run:',
    ...commands.map(({ run, why }) => `  ${run.padEnd(width)}   # ${why}`),
  ];
}
