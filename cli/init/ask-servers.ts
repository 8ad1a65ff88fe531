import type { Server } from './answers.ts';
import { type Prompts, Wrong } from './prompts.ts';
import { complete, scopesOf } from './read.ts';

const kinds = [
  { value: 'builtin', name: 'the built-in demonstration server' },
  { value: 'url', name: 'a server that runs already, by its URL' },
  { value: 'image', name: 'a container image that serves Streamable HTTP' },
  { value: 'command', name: 'a command that speaks stdio, such as npx' },
] as const;

/** At least one. */
export async function askServers(prompts: Prompts): Promise<Server[]> {
  const servers: Server[] = [];
  do servers.push(await askServer(prompts, servers.map(({ name }) => name)));
  while (await prompts.yes('Another server?', false));
  return servers;
}

async function askServer(prompts: Prompts, taken: readonly string[]): Promise<Server> {
  const backend = await askBackend(prompts, await prompts.choose('Which MCP server is behind it?', kinds));
  const read = (name: string) => {
    if (taken.includes(name)) throw new Wrong('is the name of another server: give each its own');
    return complete({ name, backend });
  };
  return read(await prompts.text({ message: `What is it called? (then its path is /NAME, and a token for it needs ${scopesOf('NAME', backend).join(' or ')})`, ...(taken.includes('mcp') ? {} : { byDefault: 'mcp' }), read }));
}

async function askBackend(prompts: Prompts, kind: (typeof kinds)[number]['value']): Promise<unknown> {
  const text = async (message: string, backendOf: (text: string) => object) => backendOf(await prompts.text({ message, read: (answer) => complete({ backend: backendOf(answer) }) }));
  if (kind === 'builtin') return kind;
  if (kind === 'url') return text('Its URL?', (url) => ({ url }));
  if (kind === 'command') return text('The command, with its arguments?', commandOf);
  const image = await text('The image?', (name) => ({ image: name, port: 3000 }));
  return text('The port on which it listens, in its container?', (port) => ({ ...image, port: Number(port) }));
}

/** Words as a shell would take them, where they are plain or in quotes. */
function commandOf(text: string): { command: string; args: string[] } {
  const [command = '', ...args] = [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain!);
  return { command, args };
}
