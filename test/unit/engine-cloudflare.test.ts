import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ALL_PERMISSIONS } from '../cloudflare/sdk.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { Account, type Wanted } from '../support/cloudflare-account.ts';
import { TinyProject } from '../support/engine-project.ts';

/** The embedded engine's providers for tunnels, against a simulation of Cloudflare's API. */
let cloudflare: CloudflareSimulation;
let account: Account;
const program = (wanted?: Wanted) => account.program(wanted);
beforeEach(async () => {
  cloudflare = await CloudflareSimulation.start();
  account = new Account(cloudflare);
});
afterEach(() => cloudflare.stop());

describe('a tunnel of Cloudflare’s', { timeout: 60_000 }, () => {
  test('is made, configured and asked for its token by the calls of the real provider', async () => {
    const project = new TinyProject(program());
    expect(await account.callsOf(project.up)).toEqual(['POST ', 'PUT /T/configurations', 'GET /T/token']);
    const { outputs } = (await project.outputs())!;
    expect(await account.standing()).toMatchObject([{ id: outputs.id, name: 'edge', config_src: 'cloudflare' }]);
    expect(await account.configured(outputs.id)).toEqual({
      ingress: [{ hostname: 'mcp.example.test', path: '^/mcp$', service: 'http://127.0.0.1:8080' }, { service: 'http_status:404' }],
      originRequest: { keepAliveTimeout: 5 },
    });
    expect(cloudflare.tunnelOf(String(outputs.connector))).toBe(outputs.id);
  });

  test('stays as it is when nothing has changed', async () => {
    const project = new TinyProject(program());
    await project.up();
    expect(await account.callsOf(project.up)).toEqual(['GET /T', 'GET /T/configurations', 'GET /T/token']);
    expect(project.steps).toEqual([]);
  });

  test('is renamed and configured anew in place', async () => {
    const project = new TinyProject(program());
    const { outputs } = await project.up();
    project.program(program({ name: 'brink', service: 'http://127.0.0.1:9090' }));
    expect((await project.up()).changes).toMatchObject({ update: 2, same: 1 });
    expect(await account.standing()).toMatchObject([{ id: outputs.id, name: 'brink' }]);
    expect(await account.configured(outputs.id)).toMatchObject({ ingress: [{ service: 'http://127.0.0.1:9090' }, {}] });
  });

  test('is deleted on down, and its configuration with it', async () => {
    const project = new TinyProject(program());
    await project.up();
    expect(await account.callsOf(project.down)).toEqual(['DELETE /T']);
    expect(cloudflare.leftovers()).toEqual([]);
    expect(project.has('.state')).toBe(false);
  });

  test('is shown by a preview, which asks for no token of what is not there', async () => {
    const project = new TinyProject(program());
    let preview = await project.preview();
    expect(preview).toMatchObject({ changes: { create: 3 }, outputs: { id: '(known after up)', connector: '(known after up)' } });
    expect(cloudflare.calls).toEqual([]);
    const { outputs } = await project.up();
    preview = await project.preview();
    expect(preview).toMatchObject({ changes: { same: 3 }, outputs });
    project.program(`${program()} export const other = (await cloudflare.getZeroTrustTunnelCloudflaredToken({ accountId, tunnelId: '${outputs.id}' }, { provider })).token;`);
    expect((await project.preview()).outputs).toMatchObject({ other: outputs.connector });
  });

  test('is found by the next run where the answer to its making was lost', async () => {
    const project = new TinyProject(program());
    cloudflare.faults.failNext(/^POST/, { cut: 'after' });
    expect(await project.failure(project.up())).toMatch(/tunnel: Cloudflare's API does not answer .*run the command again/);
    const [made] = await account.standing();
    expect((await project.up()).outputs.id).toBe(made!.id);
    expect(cloudflare.leftovers()).toEqual(['tunnel edge']);
  });

  test('that was removed by hand is made again, with all that is built on it', async () => {
    const project = new TinyProject(program());
    const { outputs: before } = await project.up();
    await account.api.delete(String(before.id), { account_id: account.id });
    project.program(program({ name: 'brink' }));
    await project.preview();
    expect(project.decision('tunnel')).toEqual({ action: 'create', reason: 'drift: removed by hand' });
    const { outputs } = await project.up();
    expect(await account.standing()).toMatchObject([{ id: outputs.id, name: 'brink' }]);
    expect(await account.configured(outputs.id)).toMatchObject({ ingress: [{}, {}] });
    expect(cloudflare.tunnelOf(String(outputs.connector))).toBe(outputs.id);
    expect((await project.up()).changes).toMatchObject({ same: 3 });
  });

  test('that was renamed or configured by hand is put right', async () => {
    const project = new TinyProject(program());
    const { outputs } = await project.up();
    const account_id = account.id;
    await account.api.edit(String(outputs.id), { account_id, name: 'elsewhere' });
    await account.api.configurations.update(String(outputs.id), { account_id, config: { ingress: [{ hostname: '', service: 'http_status:503' }] } });
    expect((await project.up()).changes).toMatchObject({ update: 2, same: 1 });
    expect(project.decision('tunnel')?.reason).toBe('drift: named elsewhere by hand');
    expect(project.decision('config')?.reason).toBe('drift: configured by hand');
    expect(await account.standing()).toMatchObject([{ id: outputs.id, name: 'edge' }]);
    expect(await account.configured(outputs.id)).toMatchObject({ ingress: [{ service: 'http://127.0.0.1:8080' }, {}] });
    expect((await project.up()).changes).toMatchObject({ same: 3 });
  });

  test('keeps its tokens out of the state, of events and of errors', async () => {
    const project = new TinyProject(program());
    const { outputs, secretOutputs } = await project.up();
    expect(secretOutputs).toEqual(['connector']);
    const shown = [project.state, JSON.stringify(project.events)];
    cloudflare.revoke(account.apiToken);
    const message = await project.failure(project.up());
    expect(message).toMatch(/code 10000/);
    shown.push(message, JSON.stringify(project.events));
    for (const secret of [account.apiToken, String(outputs.connector)]) expect(shown.join('\n')).not.toContain(secret);
  });

  test('is reached with the newest token, also to be deleted', async () => {
    const project = new TinyProject(program());
    await project.up();
    cloudflare.revoke(account.apiToken);
    account.apiToken = cloudflare.tokenWith(ALL_PERMISSIONS);
    project.program(`new cloudflare.Provider('cloudflare', { apiToken: '${account.apiToken}', baseUrl: '${cloudflare.url}' });`);
    expect((await project.up()).changes).toMatchObject({ delete: 3 });
    expect(cloudflare.leftovers()).toEqual([]);
  });
});

describe('a tunnel with retainOnDelete', { timeout: 60_000 }, () => {
  const kept = (name?: string) => program({ name, retainOnDelete: true });

  test('leaves the state without a call, on down and when the program no longer has it, and says so', async () => {
    const project = new TinyProject(kept());
    const { outputs } = await project.up();
    project.program('');
    await project.preview();
    expect(project.events).toContainEqual(expect.objectContaining({ kind: 'planned', name: 'tunnel', action: 'delete', retained: true }));
    expect(await account.callsOf(project.up)).toEqual([]);
    expect(project.events).toContainEqual(expect.objectContaining({ kind: 'finished', name: 'tunnel', action: 'delete', retained: true }));
    expect(await account.standing()).toMatchObject([{ id: outputs.id }]);

    project.program(kept('other'));
    await project.up();
    expect(await account.callsOf(project.down)).toEqual([]);
    expect(project.has('.state')).toBe(false);
    expect(cloudflare.leftovers()).toEqual(['tunnel edge', 'tunnel other']);
  });

  test('that is replaced stays beside the new one', async () => {
    const project = new TinyProject(kept());
    await project.up();
    project.program(kept('other').replace('retainOnDelete: true', `retainOnDelete: true, replaceOnChanges: ['name']`));
    await project.preview();
    expect(project.decision('tunnel')).toEqual({ action: 'replace', reason: 'changed: name; what it replaces stays' });
    expect(await account.callsOf(project.up)).toEqual(['POST ', 'PUT /T/configurations', 'GET /T/token']);
    expect(project.events).toContainEqual(expect.objectContaining({ kind: 'finished', name: 'tunnel', action: 'delete', reason: 'replaced', retained: true }));
    expect(cloudflare.leftovers()).toEqual(['tunnel edge', 'tunnel other']);
  });
});

describe('an error', { timeout: 60_000 }, () => {
  const failure = async (body = program()) => {
    const project = new TinyProject(body);
    return { project, message: await project.failure(project.up()) };
  };

  test('of Cloudflare’s names the missing permission, with Cloudflare’s code', async () => {
    account.apiToken = cloudflare.tokenWith(['Cloudflare Tunnel Read']);
    expect((await failure()).message).toBe(
      'ZeroTrustTunnelCloudflared tunnel: Cloudflare answers 403 (Authentication error, code 10000). The API token is not valid, or it lacks the permission Cloudflare Tunnel Write on this account',
    );
  });

  test('names the place that does not answer', async () => {
    const { message } = await failure(program({ baseUrl: 'http://127.0.0.1:1/client/v4' }));
    expect(message).toMatch(/tunnel: Cloudflare's API does not answer at http:\/\/127\.0\.0\.1:1\/client\/v4 \(.*(ECONNREFUSED|bad port).*\)\. Check the network/);
  });

  test('of Cloudflare’s comes at once where Cloudflare limits the rate, however long that lasts', async () => {
    cloudflare.faults.failNext(/^PUT/, { status: 429, retryAfter: 300 });
    expect((await failure()).message).toMatch(/^ZeroTrustTunnelCloudflaredConfig config: Cloudflare answers 429 .*code 971\)\. .*Wait/);
  });

  test('of a function has its name', async () => {
    cloudflare.faults.failNext(/token$/, { status: 503 }, 3);
    expect((await failure()).message).toMatch(/^getZeroTrustTunnelCloudflaredToken: Cloudflare answers 503 .*Run the command again$/);
  });

  test('of somebody else’s tunnel of the same name leaves that alone, now and in the next run', async () => {
    const theirs = await account.api.create({ account_id: cloudflare.accountId, name: 'edge', config_src: 'cloudflare' });
    const { project, message } = await failure();
    for (const said of [message, await project.failure(project.up())]) expect(said).toMatch(/tunnel: Cloudflare answers 409 \(.*code 1013\)\. A tunnel that is not of this stack has the name/);
    await project.down();
    expect(await account.standing()).toMatchObject([{ id: theirs.id }]);
  });

  test('of a tunnel with a connector says what is in the way', async () => {
    const project = new TinyProject(program());
    const { outputs } = await project.up();
    cloudflare.connect(String(outputs.id), 'connector');
    expect(await project.failure(project.down())).toMatch(/code 1022\)\. Connectors are still connected to it\. Stop them/);
    cloudflare.disconnect(String(outputs.id), 'connector');
    await project.down();
    expect(cloudflare.leftovers()).toEqual([]);
  });

  test.each([
    ['no explicit provider', (body: string) => body.replaceAll('{ provider,', '{').replaceAll('{ provider }', '{}'), /tunnel: .*explicit provider only/],
    ['a provider that says more', (body: string) => body.replace('{ apiToken', `{ email: 'a@b', apiToken`), /cloudflare cloudflare: .*the input email/],
    ['a tunnel that is managed elsewhere', (body: string) => body.replace(`'cloudflare' }, { provider, r`, `'local' }, { provider, r`), /tunnel: .*configSrc cloudflare/],
    ['a nested input', (body: string) => body.replace(`service: 'http_status:404'`, `service: 'http_status:404', originRequest: { noTlsVerify: true }`), /config: .*config\.ingresses\.originRequest/],
    ['another function', (body: string) => `${body} await cloudflare.getZeroTrustTunnelCloudflared({ accountId, tunnelId: 'x' }, { provider });`, /calls the function cloudflare:index\/getZeroTrustTunnelCloudflared:/],
  ])('of the engine’s own comes where there is %s', async (_what, alter, expected) => {
    expect((await failure(alter(program()))).message).toMatch(expected);
  });
});
