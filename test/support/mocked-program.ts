import * as pulumi from '@pulumi/pulumi';
import type { RegisterResourceRequest } from '@pulumi/pulumi/proto/resource_pb.js';
import { vi } from 'vitest';

/** A resource as the program registers it. */
export interface Registered {
  type: string;
  name: string;
  /** URN of the parent; empty at the top. */
  parent: string;
  /** Without those that are undefined. Of secret ones, the plain value. */
  inputs: Record<string, unknown>;
  /** Names of the inputs that are marked secret. */
  secretInputs: string[];
  /** URNs. */
  dependencies: string[];
  protect: boolean;
  retainOnDelete: boolean;
  /** Name of the explicit provider; empty where there is none. */
  provider: string;
}

export interface ProgramRun {
  resources: Registered[];
  /** What the program exports, or what it throws. */
  exports: Record<string, unknown>;
  error: unknown;
  /** What it tells the person at the terminal. */
  said: { warnings: string[]; notes: string[] };
}

/** The secrets that the mocks hand out: one for each RandomPassword, after its name. */
export const generated = (name: string): string => `generated-${name}`;

/** What a connector signs in with. */
export const TUNNEL_TOKEN = 'generated-tunnel-token';

/**
 * Runs infra/index.ts against Pulumi's mocks.
 * @param config of the stack, keyed without the namespace, or with another
 * @param stray id of a tunnel that is in no state
 */
export async function runProgram(stack: string, config: Record<string, unknown>, stray = ''): Promise<ProgramRun> {
  const texts = Object.entries(config).map(([key, value]) => [key.includes(':') ? key : `drawbridge:${key}`, typeof value === 'string' ? value : JSON.stringify(value)]);
  pulumi.runtime.setAllConfig(Object.fromEntries(texts) as Record<string, string>);
  await pulumi.runtime.setMocks({ call: ({ token, inputs }) => (token.endsWith(':getZeroTrustTunnelCloudflaredToken') ? { ...inputs, token: TUNNEL_TOKEN } : {}), newResource: ({ type, name, inputs }) => ({ id: `${name}-id`, state: { ...inputs, ...computed(type, name) } }) }, 'drawbridge', stack, false, 'organization');
  const resources = recordRegistrations();
  const run: ProgramRun = { resources, exports: {}, error: undefined, said: { warnings: [], notes: [] } };
  const listening = [
    vi.spyOn(pulumi.log, 'warn').mockImplementation(async (message) => void run.said.warnings.push(message)),
    vi.spyOn(pulumi.log, 'info').mockImplementation(async (message) => void run.said.notes.push(message)),
  ];
  // The program does its work when it is loaded: each run needs it fresh.
  vi.resetModules();
  // It asks Cloudflare.
  vi.doMock('../../cloudflare/stray.ts', () => ({ findStray: async () => stray }));
  try {
    run.exports = ((await import('../../infra/index.ts')) as { default: Record<string, unknown> }).default;
  } catch (error) {
    run.error = error;
  }
  await pulumi.runtime.disconnect();
  for (const spy of listening) spy.mockRestore();
  return run;
}

/** What the providers would compute. Passwords come without their secret mark: what the program does not mark itself shows. */
function computed(type: string, name: string): Record<string, unknown> {
  switch (type) {
    case 'random:index/randomPassword:RandomPassword':
      return { result: generated(name) };
    case 'docker:index/remoteImage:RemoteImage':
      return { imageId: `sha256:${name}` };
    case 'command:local:Command':
      if (/-place(@|$)/.test(name)) return { stdout: 'a' };
      return { stdout: name.startsWith('base-') ? `{"image":"drawbridge.local/${name}"}` : `printed by ${name}` };
    case 'pulumi:pulumi:StackReference':
      return { outputs: { previewsSecret: generated('previews-there') }, secretOutputNames: ['previewsSecret'] };
    default:
      return {};
  }
}

/** Mocks are told neither of parents nor of options, so the requests are read on their way to them. */
function recordRegistrations(): Registered[] {
  const recorded: Registered[] = [];
  const monitor = pulumi.runtime.getMonitor() as unknown as { registerResource: (request: RegisterResourceRequest, answer: unknown) => unknown };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) => {
    const inputs = Object.entries(pulumi.runtime.deserializeProperties(request.getObject()!) as Record<string, unknown>);
    recorded.push({
      type: request.getType(),
      name: request.getName(),
      parent: request.getParent(),
      inputs: Object.fromEntries(inputs.map(([key, value]) => [key, pulumi.runtime.unwrapRpcSecret(value)])),
      secretInputs: inputs.filter(([, value]) => pulumi.runtime.isRpcSecret(value)).map(([key]) => key),
      dependencies: request.getDependenciesList(),
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      provider: request.getProvider().split('::').at(-2) ?? '',
    });
    return register(request, answer);
  };
  return recorded;
}
