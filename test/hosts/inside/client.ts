// An MCP client, somewhere in the lab: `client.ts URL`. Connects with nothing but the URL, and prints lines of JSON: {authorize, redirectUri}, to
// which it wants a line with the parameters of the redirect; then {call, seconds} five times a second: what the tool `whoami` answers, or what
// went wrong; or {refused}, and ends.
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { OAuthMemory } from '../../support/oauth-memory.ts';

const memory = new OAuthMemory('lab');
const transport = () => new StreamableHTTPClientTransport(new URL(process.argv[2]!), { authProvider: memory });
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const first = transport();
const refusal = await new Client({ name: 'lab', version: '1' }).connect(first).then(() => undefined, (error: Error & { status?: number }) => `${error.status}: ${error.message}`);
if (!memory.authorizationUrl) {
  say({ refused: refusal });
  process.exit();
}
say({ authorize: memory.authorizationUrl, redirectUri: memory.redirectUrl });
const input = createInterface(process.stdin);
await first.finishAuth(new URLSearchParams(await input.question('')));
input.close();

/** As the specification has it, a client whose session the server does not know (404) begins another. */
async function whoami(client: Client): Promise<string> {
  if (!client.transport) await client.connect(transport());
  return JSON.stringify((await client.callTool({ name: 'whoami', arguments: {} }, { timeout: 5000 })).content);
}

for (let client = new Client({ name: 'lab', version: '1' }); ; await sleep(200)) {
  const started = performance.now();
  const call = await whoami(client).catch((error: Error) => {
    client = new Client({ name: 'lab', version: '1' });
    return `${error.cause ?? error}`;
  });
  say({ call, seconds: (performance.now() - started) / 1000 });
}
