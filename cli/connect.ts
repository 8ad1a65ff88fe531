import { stackOption } from './stack-name.ts';
import { type Connection, outputCommand } from './stack-outputs.ts';

const CA_FILE = 'drawbridge-ca.pem';

/** How to use a stack that stands: where it is, who may sign in, and what to paste into which client. */
export function connectionText({ servers, auth, bearerToken, user, callbackUrls = {}, caCertificate }: Connection, stack: string): string[] {
  const entries = Object.entries(servers);
  const [first] = entries;
  if (!first) return [];
  const [, url] = first;
  // One server is known by the project's name, several by their own.
  const name = (server: string) => (entries.length === 1 ? 'drawbridge' : server);
  const map = (value: (url: string) => object) => JSON.stringify(Object.fromEntries(entries.map(([server, at]) => [name(server), { ...value(at), ...headers }])));
  const authorization = auth === 'bearer' ? `Bearer ${bearerToken ?? 'TOKEN'}` : undefined;
  const headers = authorization && { headers: { Authorization: authorization } };
  const option = authorization ? ` --header "Authorization: ${authorization}"` : '';

  return [
    ...entries.map(([server, at]) => `MCP URL      ${at}${entries.length > 1 ? `   (${server})` : ''}`),
    ...(user ? [`Sign in as   ${user.username}   password  ${user.password}`] : []),
    ...Object.entries(callbackUrls).map(([provider, callback]) => `Callback     ${callback}   (what ${provider} has to send people back to)`),
    ...(auth === 'none' ? ['DANGEROUS    drawbridge:auth is none: whoever reaches it can use every tool'] : []),
    ...(auth === 'bearer' && !bearerToken ? ['TOKEN below is one of drawbridge:bearerTokens.'] : []),
    ...(caCertificate ? certificateText(stack) : []),
    '',
    'Paste into a client:',
    ...entries.map(([server, at]) => `  Claude Code   claude mcp add --transport http ${name(server)} ${at}${option}`),
    `  VS Code       .vscode/mcp.json   { "servers": ${map((at) => ({ type: 'http', url: at }))} }`,
    `  Cursor        .cursor/mcp.json   { "mcpServers": ${map((at) => ({ url: at }))} }`,
    '',
    `Try next:  curl -i ${caCertificate ? `--cacert ${CA_FILE} ` : ''}-X POST ${url}   (${{ oauth: '401, and where to sign in', bearer: '401 without the token', none: 'nobody is asked who they are' }[auth]})`,
    `Outputs again:  npm run outputs${stackOption(stack)}     Remove all of it:  npm run down${stackOption(stack)}`,
  ];
}

/** A local CA is in nobody's trust store: clients that run on Node take it from the environment. */
function certificateText(stack: string): string[] {
  return [
    '',
    'The certificate is from a CA of this stack’s own, which changes when the stack stands up anew. A browser warns about it',
    'once; give it to clients that run on Node (Claude Code among them), and to curl, before you start them:',
    `  ${outputCommand(stack, 'caCertificate')} > ${CA_FILE}`,
    `  export NODE_EXTRA_CA_CERTS="$PWD/${CA_FILE}"`,
  ];
}
