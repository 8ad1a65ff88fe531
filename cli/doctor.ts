import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { type ClientName, clientNames, examine, networkOf, type Options, reportLines, tokenFacts } from '../doctor/index.ts';
import { plain, plainJson } from '../host/plain.ts';
import { isLoopback } from '../host/where.ts';
import { UsageError } from './errors.ts';
import { openInBrowser } from './open.ts';

export interface DoctorOptions {
  client?: string[];
  tokenStdin?: boolean;
  signIn?: boolean;
  clientId?: string;
  register?: boolean;
  tool?: string;
  arguments?: string;
  listen?: string;
  ca?: string;
  verbose?: boolean;
  json?: boolean;
}

/**
 * Says which MCP clients would fail at a URL, at which step, and why.
 * @returns the exit code: 1 where one would fail
 * @throws UsageError where the options make no sense
 */
export async function doctor(url: string, options: DoctorOptions): Promise<0 | 1> {
  const wanted = parse(url, options);
  const token = options.signIn ? undefined : await tokenFor(new URL(wanted.url), options.tokenStdin ?? false);
  if (process.stderr.isTTY) console.error(plain(`Looking at ${wanted.url} as its clients would …\n`));
  const diagnosis = await examine(wanted.url, { ...wanted.options, token });
  console.log(options.json ? plainJson(diagnosis) : plain(reportLines(diagnosis, options).join('\n')));
  return diagnosis.ok ? 0 : 1;
}

/** The token that was given, looked at before anybody gets it. */
async function tokenFor(url: URL, fromStdin: boolean): Promise<string | undefined> {
  const given = fromStdin ? await text(process.stdin) : process.env.DRAWBRIDGE_TOKEN;
  const token = given?.trim().replace(/^Bearer(\s+|$)/i, '');
  if (fromStdin && !token) throw new UsageError('--token-stdin: there was no token on stdin.');
  if (!token) return undefined;
  // RFC 6750 §2.1, b64token. The server would be blamed for what no client could send.
  const odd = [...new Set(token.replace(/=+$/, '').match(/[^\w.~+/-]/gu))].slice(0, 5);
  if (odd.length > 0) throw new UsageError(`${fromStdin ? '--token-stdin' : 'DRAWBRIDGE_TOKEN'}: an access token has no ${odd.map(nameOf).join(' and no ')} in it (RFC 6750 §2.1). Give the token alone, on one line.`);
  if (!fromStdin) checkMeantFor(url, token);
  return token;
}

const nameOf = (character: string): string => ({ ' ': 'space', '\n': 'line break', '\r': 'carriage return', '\t': 'tab' })[character] ?? (/[!-~]/.test(character) ? character : `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`);

/** A variable stays set, and the next URL that is typed may be anyone's: who gets its token could use it (RFC 9700 §4.9.1). */
function checkMeantFor({ origin, protocol, hostname }: URL, token: string): void {
  const { claims } = tokenFacts(token);
  const audiences = [claims?.aud ?? []].flat().map(String);
  const problems = [
    ...(protocol === 'http:' && !isLoopback(hostname) ? ['over plain http, everyone on the way could read it'] : []),
    ...(claims && !audiences.some((audience) => URL.parse(audience)?.origin === origin) ? [audiences.length > 0 ? `its aud is ${audiences.join(', ')}` : 'it does not say for whom it is (there is no aud)'] : []),
  ];
  if (problems.length > 0) throw new UsageError(`DRAWBRIDGE_TOKEN is not sent to ${origin}: ${problems.join('; ')}. If it is really meant for that server, give it with --token-stdin.`);
}

/** As people type it: a host without a scheme is asked by https. A word alone is no host, but a slip. */
const whole = (typed: string): string => (!typed.includes('://') && /^(localhost|[^/]+[.:])/i.test(typed) ? `https://${typed}` : typed);

/** Every problem at once. */
function parse(typed: string, { client = [], signIn, tokenStdin, clientId, register, tool, arguments: given = '{}', listen, ca }: DoctorOptions): { url: string; options: Options } {
  const problems: string[] = [];
  const url = whole(typed.trim());
  const attempt = <T>(read: () => T, problem: string): T | undefined => {
    try {
      return read();
    } catch (error) {
      problems.push(`${problem} (${(error as Error).message})`);
      return undefined;
    }
  };
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) problems.push(`${typed} is no URL of an MCP server; give one such as https://mcp.example.org/mcp`);
  else if (new URL(url).username || new URL(url).password) problems.push('The URL has a user or password in it, which no MCP client sends; leave them out');
  for (const name of client) if (!clientNames.includes(name as ClientName)) problems.push(`--client ${name}: there is ${clientNames.join(', ')}`);
  if (signIn && tokenStdin) problems.push('--sign-in and --token-stdin: give one of the two');
  if (signIn && !register && clientId === undefined) problems.push('--sign-in needs a client: add --register, which registers one and deletes it again where that is possible, or --client-id ID');
  const values = attempt(() => JSON.parse(given) as Record<string, unknown>, '--arguments must be a JSON object, such as \'{"seconds": 5}\'');
  if (values !== undefined && (typeof values !== 'object' || values === null || Array.isArray(values))) problems.push('--arguments must be a JSON object, such as \'{"seconds": 5}\'');
  if (tool !== undefined && !/^[^\s\p{C}]([^\p{C}\p{Zl}\p{Zp}]*[^\s\p{C}])?$/u.test(tool)) problems.push('--tool: give the name as the server lists it, without line breaks, and without spaces at its ends');
  if (clientId?.trim() === '') problems.push('--client-id is empty: give an id that the authorization server knows');
  // Number('') is 0.
  const listenSeconds = listen === undefined ? undefined : Number(listen.trim() || NaN);
  if (listenSeconds !== undefined && !(listenSeconds >= 0 && listenSeconds <= 300)) problems.push(`--listen ${listen}: give seconds, from 0 to 300`);
  const pem = ca === undefined ? undefined : attempt(() => readFileSync(ca, 'utf8'), `--ca ${ca} cannot be read`);
  const trusted = pem === undefined ? [] : attempt(() => certificatesIn(pem), `--ca ${ca} holds no certificate in PEM`);
  if (problems.length > 0) throw new UsageError(problems.map((problem) => `${problem}.`).join('\n'));
  return {
    url,
    options: {
      network: networkOf(trusted),
      clientId,
      register,
      ...(client.length > 0 && { clients: client as ClientName[] }),
      ...(tool !== undefined && { tool: { name: tool, arguments: values! } }),
      ...(listenSeconds !== undefined && { listenSeconds }),
      ...(signIn && { signIn: askToSignIn }),
    },
  };
}

/** Of a file of CAs; Node takes any text as one, and trusts nothing for it. @throws where one of them, or all, cannot be read */
function certificatesIn(pem: string): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw new Error('no “BEGIN CERTIFICATE” in it');
  return found.map((one) => new X509Certificate(one).toString());
}

function askToSignIn(authorizationUrl: string): void {
  console.error(plain(`Sign in at:\n  ${authorizationUrl}`));
  openInBrowser(authorizationUrl);
}
