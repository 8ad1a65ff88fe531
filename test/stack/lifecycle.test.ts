import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { down, type EngineEvent, type Outcome, up } from '../../engine/index.ts';
import { testStack } from '../support/deploy-with-engine.ts';
import { killedRun } from '../support/killed-run.ts';
import { StandingStack, watchProcessArguments } from '../support/standing-stack.ts';

const config = { 'drawbridge:profile': 'local', 'drawbridge:localPort': 18446 };
const origin = 'https://localhost:18446';
const options = testStack('life', config);
const life = new StandingStack(options);
const untouched = { create: 0, update: 0, replace: 0, delete: 0 };

/** Of all runs. */
const events: EngineEvent[] = [];
const collect = (event: EngineEvent) => {
  events.push(event);
  options.onEvent?.(event);
};
const upAgain = (changed: Record<string, unknown> = {}): Promise<Outcome> => up({ ...options, config: { ...config, ...changed }, onEvent: collect });
const killed = async (verb: 'up' | 'down', when: (event: EngineEvent) => boolean | Promise<boolean>) => {
  events.push(...(await killedRun(verb, options, when)));
};

/** For `killed`: the step has begun, and its container runs by now. */
const once = (step: string, role: string) => async (event: EngineEvent) => {
  if (event.kind !== 'started' || event.name !== step) return false;
  while (!life.runs(role)) await sleep(100);
  return true;
};

/** It runs, serves TLS, refuses who has no token, and issues tokens for the realm that the config describes. */
async function expectWhole(): Promise<void> {
  expect(Object.keys(life.containers()).sort()).toEqual(['backend-mcp', 'certificates', 'database', 'front', 'keycloak', 'pebble', 'server']);
  expect((await life.ask(`${origin}/mcp`)).status).toBe(401);
  const metadata = await life.ask(`${origin}/.well-known/oauth-authorization-server/auth/realms/main`);
  expect(JSON.parse(metadata.body)).toMatchObject({ issuer: realm, scopes_supported: expect.arrayContaining(['mcp:read', 'mcp:write']) as string[] });
  expect((await upAgain()).changes).toMatchObject(untouched);
}

const realm = `${origin}/auth/realms/main`;
const redirect = 'http://localhost:43112/callback';

/** Has a client registered, which Keycloak keeps in its database. */
async function registerClient(): Promise<string> {
  const registration = JSON.stringify({ client_name: 'drawbridge lifecycle', redirect_uris: [redirect], token_endpoint_auth_method: 'none' });
  const { body } = await life.ask(`${realm}/clients-registrations/openid-connect`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: registration });
  return (JSON.parse(body) as { client_id: string }).client_id;
}

/** Whether the sign-in page opens for a client: for one that is not known it does not. */
async function isKnown(client: string): Promise<boolean> {
  const parameters = new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' });
  return (await life.ask(`${realm}/protocol/openid-connect/auth?${parameters}`)).status === 200;
}

/** One life of a stack, from nothing to nothing. Each test takes over what the one before has left. */
describe('a stack', { timeout: 300_000 }, () => {
  let standing: Record<string, string>;
  let secrets: Record<string, string>;
  let bases: string[];
  const commandLines = watchProcessArguments();

  beforeAll(() => down(options), 300_000);
  afterAll(() => down(options), 300_000);

  it('whose up was killed (SIGKILL) after its network was made, while Keycloak started, and while the realm was applied, is whole after the next up', async () => {
    await killed('up', (event) => event.kind === 'finished' && event.name === 'edge');
    await killed('up', once('keycloak', 'keycloak'));
    await killed('up', once('keycloak-realm', 'applier'));
    await upAgain();
    await expectWhole();
    standing = life.containers();
    secrets = life.generatedSecrets();
    bases = life.baseImages();
  });

  it('is left alone by a second up: no changes, the same containers', async () => {
    expect((await upAgain()).changes).toMatchObject(untouched);
    expect(life.containers()).toEqual(standing);
  });

  it('whose server gets another setting keeps all containers but the server', async () => {
    const { changes } = await upAgain({ 'drawbridge:servers': [{ name: 'mcp', path: '/mcp', tools: { note_write: 'mcp:write', echo: 'mcp:write' } }] });
    // The consent page names the tools too, and so the realm is told.
    expect(changes).toMatchObject({ ...untouched, replace: 1, update: 1 });
    const { server, ...others } = life.containers();
    const { server: before, ...othersBefore } = standing;
    expect(others).toEqual(othersBefore);
    expect(server).not.toBe(before);
    expect(execFileSync('docker', ['inspect', '--format', '{{.Config.Env}}', server!], { encoding: 'utf8' })).toContain('"echo":"mcp:write"');
    expect((await life.ask(`${origin}/mcp`)).status).toBe(401);
    expect((await upAgain()).changes).toMatchObject({ ...untouched, replace: 1, update: 1 });
  });

  it.each([
    ['server', ['server']],
    // Whoever shares the front's network has to follow it.
    ['front', ['front', 'pebble']],
    ['database', ['database']],
  ])('whose %s was removed by hand gets it back at the next up, with all data', async (role, renewed) => {
    const registered = await registerClient();
    const before = life.containers();
    execFileSync('docker', ['rm', '--force', before[role]!], { stdio: 'ignore' });
    await upAgain();
    const after = life.containers();
    expect(Object.keys(after).filter((each) => after[each] !== before[each]).sort()).toEqual(renewed);
    await expectWhole();
    expect([await isKnown(registered), await isKnown('nobody')]).toEqual([true, false]);
  });

  it('shows no generated secret to whoever watches: neither in an event nor in the arguments of any process of the machine', () => {
    const seen = commandLines.stop();
    // That the applier was seen at work shows that the watch would have seen its secrets.
    expect(seen).toContain('--name drawbridge-life-applier');
    const shown = JSON.stringify(events);
    expect(Object.keys(secrets)).toHaveLength(4);
    expect(Object.keys(secrets).filter((name) => secrets[name]!.length < 20 || seen.includes(secrets[name]!) || shown.includes(secrets[name]!))).toEqual([]);
  });

  it('whose down was killed while Keycloak was stopped, and after the first volume had gone, is removed by the next: nothing is left but the base images', async () => {
    await killed('down', (event) => event.kind === 'started' && event.name === 'keycloak');
    await killed('down', (event) => event.kind === 'finished' && event.type === 'docker:index/volume:Volume');
    await down({ ...options, onEvent: collect });
    expect(life.parts()).toEqual({ containers: [], networks: [], volumes: [], images: [], files: [], processes: [] });
    for (const base of bases) execFileSync('docker', ['image', 'inspect', base], { stdio: 'ignore' });
    expect(bases.length).toBeGreaterThan(0);
    expect((await down(options)).changes).toMatchObject(untouched);
  });
});
