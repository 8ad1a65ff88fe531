import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../support/browser.ts';
import { CodeFlow } from '../support/code-flow.ts';
import { mcpRequest } from '../support/mcp-request.ts';
import { outputs, stack } from '../support/outputs.ts';

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const container = (role: string) => `drawbridge-${stack}-${role}`;

/** Ends the first process of a container as a crash would: the engine starts it again. */
const crash = (role: string) => process.kill(Number(docker('inspect', '--format', '{{.State.Pid}}', container(role))), 'SIGKILL');

const calls = {
  mcp: { tool: 'echo', arguments: { message: 'x' } },
  memory: { tool: 'read_graph', arguments: {} },
  everything: { tool: 'echo', arguments: { message: 'x' } },
  'everything-http': { tool: 'echo', arguments: { message: 'x' } },
};
type Server = keyof typeof calls;
const servers = Object.keys(calls) as Server[];

let person: Person;
let token: string;

/** Two callers for each server, one call after the other, until stopped. Gives what each server answered, in order. */
function load(): { stop: () => Promise<Record<Server, string[]>> } {
  const answers = Object.fromEntries(servers.map((server) => [server, [] as string[]])) as Record<Server, string[]>;
  let running = true;
  const caller = async (server: Server) => {
    while (running) {
      const response = await mcpRequest({ url: outputs.resources[server]!.url, token, ...calls[server] });
      const text = await response.text();
      answers[server].push(text.includes('"error"') ? `${response.status} with an error` : String(response.status));
      await sleep(20);
    }
  };
  const callers = servers.flatMap((server) => [caller(server), caller(server)]);
  return {
    stop: async () => {
      running = false;
      await Promise.all(callers);
      return answers;
    },
  };
}

const answersOf = async (server: Server) => (await mcpRequest({ url: outputs.resources[server]!.url, token, ...calls[server] })).status;
const untouchedBut = (answers: Record<Server, string[]>, ...affected: Server[]) => {
  for (const server of servers.filter((each) => !affected.includes(each))) expect([server, ...new Set(answers[server])]).toEqual([server, '200']);
};

beforeAll(async () => {
  person = await Person.atBrowser(outputs.testUser);
  const scope = 'mcp:read memory:use everything:use everything-http:use';
  token = (await (await CodeFlow.register(scope)).signIn(person, scope)).access_token;
  for (const server of servers) expect([server, await answersOf(server)]).toEqual([server, 200]);
});
afterAll(() => person.leave());

describe('under load', { timeout: 180_000 }, () => {
  it('a stdio server that is killed is started again; the users of others see nothing', async () => {
    const running = load();
    await sleep(500);
    // The child, not the supervisor.
    const processes = docker('top', container('backend-everything'), '-eo', 'pid,args').split('\n').filter((line) => /server-everything.* stdio$/.test(line));
    for (const line of processes) process.kill(Number.parseInt(line, 10), 'SIGKILL');
    expect(processes.length).toBeGreaterThan(0);
    await sleep(1_000);
    await expect.poll(() => answersOf('everything'), { timeout: 60_000, interval: 250 }).toBe(200);
    untouchedBut(await running.stop(), 'everything');
  });

  it('a backend that crashes is back soon; meanwhile its users are told so, and others see nothing', async () => {
    const running = load();
    await sleep(500);
    crash('backend-everything-http');
    await sleep(1_000);
    await expect.poll(() => answersOf('everything-http'), { timeout: 60_000, interval: 250 }).toBe(200);
    const answers = await running.stop();
    untouchedBut(answers, 'everything-http');
    for (const answer of new Set(answers['everything-http'])) expect(answer).toMatch(/^(200|50[234] with an error)$/);
  });

  it('Keycloak and with it the JWKS may be gone: calls with valid tokens go on without a failure, and sign-in comes back', async () => {
    const running = load();
    await sleep(500);
    crash('keycloak');
    await sleep(5_000);
    untouchedBut(await running.stop());
    const documents = async () => (await fetch(outputs.authorizationServerMetadataUrl)).status;
    await expect.poll(documents, { timeout: 120_000, interval: 1_000 }).toBe(200);
  });
});
