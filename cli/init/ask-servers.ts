import type { Server } from './answers.ts';
import type { Prompts } from './prompts.ts';
import { Wrong } from './wrong.ts';
import type { Asking } from './questions.ts';
import { complete, scopesOf } from './read.ts';

const kinds = [
  { value: 'builtin', name: 'the built-in demonstration server' },
  { value: 'url', name: 'a server that runs already, by its URL' },
  { value: 'image', name: 'a container image that serves Streamable HTTP' },
  { value: 'command', name: 'a command that speaks stdio, such as npx' },
] as const;

/** At least one. */
export async function askServers(prompts: Prompts, { before, fits }: Asking<'servers'>): Promise<readonly Server[]> {
  if (before && (await prompts.yes(`Keep the servers that are there? (${before.map(({ name }) => name).join(', ')})`, true))) return before;
  const servers: Server[] = [];
  do servers.push(await askServer(prompts, servers, (server) => fits([...servers, server])));
  while (await prompts.yes('Another server?', false));
  return servers;
}

async function askServer(prompts: Prompts, others: readonly Server[], fits: (server: Server) => void): Promise<Server> {
  const isTaken = (name: string) => others.some((other) => other.name === name);
  const backend = await askBackend(prompts, await prompts.choose('Which MCP server is behind it?', kinds), (one) => fits(complete({ name: `unnamed-${others.length}`, backend: one })));
  const read = (name: string) => {
    if (isTaken(name)) throw new Wrong('is the name of another server: give each its own');
    const server = complete({ name, backend });
    fits(server);
    return server;
  };
  return read(await prompts.text({ message: `What is it called? (then its path is /NAME, and a token for it needs ${scopesOf('NAME', backend).join(' or ')})`, ...(isTaken('mcp') ? {} : { byDefault: 'mcp' }), read }));
}

async function askBackend(prompts: Prompts, kind: (typeof kinds)[number]['value'], fits: (backend: unknown) => void): Promise<unknown> {
  const text = async (message: string, backendOf: (text: string) => object) => backendOf(await prompts.text({ message, read: (answer) => fits(backendOf(answer)) }));
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
