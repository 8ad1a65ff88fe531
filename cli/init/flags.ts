import { Wrong } from './wrong.ts';

/** The answers as they can be given on the command line. */
export interface Flags {
  profile?: string;
  tier?: string;
  deploy?: string;
  host?: string;
  acmeEmail?: string;
  cloudflareZone?: string;
  cloudflareAccount?: string;
  server?: string[];
  client?: string[];
  user?: string[];
  identityProvider?: string[];
  oidcIssuer?: string;
  allow?: string[];
}

/** As Commander takes them: the flag, what it says, whether it may be repeated. */
export const flags: readonly (readonly [flag: string, says: string, repeated?: true])[] = [
  ['--profile <name>', 'production: deployed with the Pulumi CLI (default, unless the config says otherwise); preview: with `npm run up`, to try it, as stack preview without --stack'],
  ['--tier <name>', 'host: a host of your own with ports 80 and 443 open; tunnel: a Cloudflare tunnel, no port open'],
  ['--deploy <machine>', 'where it runs: local, or ssh://user@host[:port]'],
  ['--host <name>', 'its public name, for example mcp.example.org'],
  ['--acme-email <address>', 'tier host: whom the certificate authority may write to (default: as in the config, or nobody)'],
  ['--cloudflare-zone <zone>', 'tier tunnel: the zone at Cloudflare of the name (default: the name without its first label)'],
  ['--cloudflare-account <id>', 'tier tunnel: its account (default: the one of the zone, asked with CLOUDFLARE_API_TOKEN)'],
  ['--server <server>', 'an MCP server: builtin, or as in drawbridge:servers, for example "{ name: files, backend: { url: https://files.example.org/mcp } }"; may be repeated', true],
  ['--client <name>', 'which of the known MCP clients may connect (default: as in the config, or all); your own {id, redirectUris} in a config stay; may be repeated', true],
  ['--user <name=email>', 'someone to make an account for; may be repeated', true],
  ['--identity-provider <kind=client-id>', 'where else people may sign in: github, google or oidc; may be repeated', true],
  ['--oidc-issuer <url>', 'the issuer of --identity-provider oidc=…'],
  ['--allow <who>', 'who of them may call: everyone, a user name, an address, @domain or group:name; may be repeated, or be several with commas between', true],
];

/** How it is written on the command line. */
export const written = (name: keyof Flags): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The results of all of these. @throws Wrong with the problems of all of them */
export function together<Parts extends readonly unknown[]>(...parts: { readonly [At in keyof Parts]: () => Parts[At] }): Parts {
  const problems: string[] = [];
  const results = parts.map((part) => {
    try {
      return part();
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  });
  if (problems.length > 0) throw new Wrong(...problems);
  return results as readonly unknown[] as Parts;
}

/**
 * What each of a flag's values means.
 * @param called how an error names a value
 * @throws Wrong with all that mean nothing, each with the flag
 */
export function readEach<T>(name: keyof Flags, values: readonly string[], read: (text: string) => T, called: (value: string, index: number) => string = (value) => value): T[] {
  return together(
    ...values.map((value, index) => () => {
      try {
        return read(value);
      } catch (error) {
        throw error instanceof Wrong ? new Wrong(`${written(name)} ${called(value, index)}: ${error.message}`) : error;
      }
    }),
  );
}
