import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Config, ServerConfig } from './config.ts';
import { type ContainerArgs, createContainer } from './container.ts';
import { backendHost } from './endpoints.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';
import { createNetwork } from './network.ts';
import { hasBackend } from './roles.ts';
import { labels, objectName } from './stack.ts';
import type { SecretOf } from './stack-config.ts';

export interface BackendArgs {
  images: Images;
  machine: Machine;
  server: ServerConfig;
  /** Keep the data: a destroy stops until the protection is taken off by hand. */
  protect: boolean;
  secretOf: SecretOf;
}

type Image = Extract<ServerConfig['backend'], { image: string }>;
type Command = Extract<ServerConfig['backend'], { command: string }>;
type Environment = Image['env'];

/** Asks for /health on the port on which all backends that are built here listen. A Node process for each check would cost 75 MB. */
const health = {
  command: ['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET /health HTTP/1.0\\r\\n\\r\\n" >&3 && read -r status <&3 && [[ $status == *" 200 "* ]]'],
  within: 120,
};

// A server that npx runs takes up to 100 MB: this many fit into the memory of its container.
const MAX_PROCESSES = 10;

/**
 * What answers for one of `servers`, in a container of its own: it runs code of others. The gateway is its only neighbour on its
 * network, so that it has no way to Keycloak, the database or another backend.
 */
export class Backend extends pulumi.ComponentResource {
  readonly network: docker.Network;

  constructor(args: BackendArgs, opts?: pulumi.ComponentResourceOptions) {
    const { server } = args;
    const role = backendHost(server.name);
    super('drawbridge:infra:Backend', role, {}, { ...opts, ...args.machine.options });
    // Programs of the user's own download packages and call services; the demonstration server does neither.
    this.network = createNetwork(role, { machine: args.machine, internal: server.backend === 'builtin' }, { parent: this });
    createContainer(role, { machine: args.machine, alias: role, networks: [this.network.name], tmpfs: { '/tmp': 'rw,mode=1777' }, stopTimeout: 10, ...this.#program(args) }, { parent: this });
    this.registerOutputs({});
  }

  #program({ images, machine, server: { name, backend }, protect, secretOf }: BackendArgs): Pick<ContainerArgs, 'image' | 'user' | 'memory'> & Partial<ContainerArgs> {
    if (backend === 'builtin') return { image: images.built('server'), user: '1000:1000', entrypoint: ['node', 'backends/builtin/main.ts'], health, memory: 256 };
    if ('command' in backend) return { image: images.built('stdio'), user: '1000:1000', ...this.#supervised(name, backend, protect, secretOf, machine), health, memory: 1024 };
    if ('image' in backend) return { image: images.named(backendHost(name), backend.image), user: undefined, settings: resolve(backend.env, secretOf), mounts: backend.mounts, memory: 512 };
    throw new Error(`nothing is deployed for ${backend.url}`);
  }

  /** A program that speaks on standard input and output, and the supervisor that gives it a URL. */
  #supervised(name: string, { command, args, env, mounts, processes }: Command, protect: boolean, secretOf: SecretOf, machine: Machine): Partial<ContainerArgs> {
    const volume = (role: string, kept: boolean) => new docker.Volume(machine.named(role), { name: objectName(role), labels: labels() }, { parent: this, protect: kept, dependsOn: machine.checked }).name;
    return {
      settings: { DRAWBRIDGE_STDIO: pulumi.jsonStringify({ command, args, env: resolve(env, secretOf), processes, maxProcesses: MAX_PROCESSES }) },
      volumes: [
        // What npx and uvx have downloaded.
        { volume: volume(`cache-${name}`, false), path: '/home/node' },
        { volume: volume(`data-${name}`, protect), path: '/data' },
      ],
      mounts,
    };
  }
}

/** The variables of the config, with the secrets that they name. */
const resolve = (env: Environment, secretOf: SecretOf): Record<string, pulumi.Input<string>> =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name, typeof value === 'string' ? value : secretOf(value)]));

/** The backends of a stack. */
export function createBackends(config: Config, args: Omit<BackendArgs, 'server'>): Backend[] {
  return config.servers.filter(hasBackend).map((server) => new Backend({ server, ...args }));
}
