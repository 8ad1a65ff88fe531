import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Deployment } from '../../engine/deployment.ts';
import type { Registration } from '../../engine/registration.ts';
import { Masker, Vault } from '../../engine/secrets.ts';
import { State } from '../../engine/state.ts';
import { Run } from '../../engine/steps.ts';
import { Secret, type Values } from '../../engine/values.ts';
import type { Fault } from '../cloudflare/faults.ts';
import { CloudflareSimulation } from '../cloudflare/simulation.ts';
import { Account, type Wanted } from '../support/cloudflare-account.ts';
import { TinyProject } from '../support/engine-project.ts';

describe('a run in which a call to Cloudflare fails is completed by the next', { timeout: 60_000 }, () => {
  const faults: Fault[] = [{ status: 500 }, { cut: 'before' }, { cut: 'after' }];

  const registration = (type: string, name: string, inputs: Values, more: Partial<Registration> = {}): Registration => ({
    ...{ urn: `urn:pulumi:dev::tiny::${type}::${name}`, type, name, custom: !type.startsWith('pulumi:'), inputs, dependencies: [], propertyDependencies: {}, protect: false },
    ...{ retainOnDelete: false, deleteBeforeReplace: false, ignoreChanges: [], replaceOnChanges: [], additionalSecretOutputs: [], ...more },
  });

  /** A stack whose program is registered without a process for it: there are many runs here. */
  class Stack {
    readonly account: Account;
    readonly #project = new TinyProject('');
    wanted: Wanted = {};

    constructor(account: Account) {
      this.account = account;
    }

    up = async (): Promise<string> => {
      const { statePath, stateDirectory, directory } = this.#project;
      const state = new State(statePath, new Vault(join(stateDirectory, 'dev.key')));
      const run = new Run({ state, masker: new Masker(), signal: new AbortController().signal, preview: false, directory, onEvent: () => {} });
      const deployment = new Deployment(run);
      const { id: accountId, apiToken, cloudflare } = this.account;
      const { name = 'edge', service = 'http://127.0.0.1:8080', retainOnDelete } = this.wanted;
      try {
        const provider = registration('pulumi:providers:cloudflare', 'cloudflare', { apiToken: new Secret(apiToken), baseUrl: cloudflare.url });
        const tunnel = registration('cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared', 'tunnel', { accountId, name, configSrc: 'cloudflare' }, { provider: provider.urn, retainOnDelete });
        await deployment.register(provider);
        const { id: tunnelId = '' } = await deployment.register(tunnel);
        const needs = { provider: provider.urn, dependencies: [tunnel.urn], propertyDependencies: { tunnelId: [tunnel.urn] } };
        await deployment.register(registration('cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig', 'config', { accountId, tunnelId, config: { ingresses: [{ service }] } }, needs));
        await deployment.invoke({ name: 'cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken', provider: provider.urn, inputs: { accountId, tunnelId } });
        await deployment.finish();
        return tunnelId;
      } finally {
        state.save();
      }
    };

    down = () => this.#project.down();

    /** Lets each of so many calls of a run fail, as often as the engine makes it, and completes the run each time. */
    async each(calls: number, fault: Fault, run: () => Promise<unknown>, complete: () => Promise<unknown>): Promise<void> {
      for (let number = 1; number <= calls; number += 1) {
        const { faults } = this.account.cloudflare;
        faults.failAt(number, fault, 3);
        await expect(run(), `call ${number} of ${calls}, ${JSON.stringify(fault)}`).rejects.toThrow(/Cloudflare/);
        faults.clear();
        await complete();
      }
    }

    async expectComplete(): Promise<void> {
      const id = await this.up();
      const { name = 'edge', service = 'http://127.0.0.1:8080' } = this.wanted;
      expect(await this.account.standing()).toMatchObject([{ id, name }]);
      expect(await this.account.configured(id)).toEqual({ ingress: [{ service }] });
    }

    async expectGone(): Promise<void> {
      await this.down();
      expect(this.account.cloudflare.leftovers()).toEqual([]);
    }
  }

  /** Side by side, each with a simulation of its own. */
  const withEach = (work: (fault: Fault, stack: Stack) => Promise<void>) =>
    Promise.all(faults.map(async (fault) => {
      const simulation = await CloudflareSimulation.start();
      await work(fault, new Stack(new Account(simulation))).finally(() => simulation.stop());
    }));

  test('when it makes a tunnel, configures it and asks for its token', () =>
    withEach((fault, stack) => stack.each(3, fault, stack.up, async () => {
      await stack.expectComplete();
      await stack.expectGone();
    })));

  test('or what it made is removed', () => withEach((fault, stack) => stack.each(3, fault, stack.up, () => stack.expectGone())));

  test('or what it made is renamed', () =>
    withEach((fault, stack) => stack.each(3, fault, stack.up, async () => {
      stack.wanted = { name: `${stack.wanted.name}-renamed` };
      await stack.expectComplete();
      await stack.expectGone();
    })));

  test('when it looks at what is there, renames it and configures it anew', () =>
    withEach(async (fault, stack) => {
      await stack.up();
      let change = 0;
      const changed = () => {
        change += 1;
        stack.wanted = { name: `edge-${change}`, service: `http://127.0.0.1:${change}` };
        return stack.up();
      };
      await stack.each(5, fault, changed, () => stack.expectComplete());
      // Or everything goes back to what it was.
      await stack.each(5, fault, changed, () => {
        stack.wanted = {};
        return stack.expectComplete();
      });
      await stack.expectGone();
    }));

  test('when it deletes a tunnel, or an up makes a new one', () =>
    withEach(async (fault, stack) => {
      await stack.up();
      await stack.each(1, fault, stack.down, () => stack.expectComplete());
      await stack.each(1, fault, stack.down, () => stack.expectGone());
    }));

  test('when it makes a tunnel that is retained', () =>
    withEach(async (fault, stack) => {
      stack.wanted = { retainOnDelete: true };
      const { api, cloudflare, id: account_id } = stack.account;
      await stack.each(3, fault, stack.up, async () => {
        await stack.expectComplete();
        await stack.down();
        for (const { id } of await stack.account.standing()) await api.delete(id!, { account_id });
        expect(cloudflare.leftovers()).toEqual([]);
      });
    }));
});
