import * as command from '@pulumi/command';
import * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { quote } from '../host/shell.ts';
import { parseTarget, type SshTarget, sshArguments } from '../host/ssh.ts';
import type { Config } from './config.ts';
import { createFirewall } from './firewall.ts';
import { setsFirewall, wantedOf } from './wanted.ts';

/**
 * Where resources are: this machine, or one that is reached by the user's own ssh. A stack has one or two. Resources of this machine
 * have no provider of their own: the engine of the environment is theirs.
 */
export class Machine {
  readonly target: string;
  /** What has found the machine to be as it should, and closed it: nothing is made there before. */
  readonly checked: pulumi.Resource[];
  readonly #ssh: SshTarget | undefined;
  readonly #provider: docker.Provider | undefined;

  /** @param target `local` or `ssh://user@host[:port]` */
  constructor(target: string, checked: pulumi.Resource[]) {
    this.target = target;
    this.checked = checked;
    this.#ssh = parseTarget(target);
    if (this.#ssh) this.#provider = new docker.Provider(named('docker', target), { host: target }, { dependsOn: checked });
  }

  /** The name of a resource that is there. */
  named(role: string): string {
    return named(role, this.target);
  }

  /** For a Docker resource that is to be there, or a component of such. */
  get options(): { provider?: docker.Provider } {
    return this.#provider ? { provider: this.#provider } : {};
  }

  /** For a program that runs here and works with the Docker engine there. */
  get environment(): Record<string, string> | undefined {
    return this.#ssh ? { DOCKER_HOST: this.target } : undefined;
  }

  /** The shell command that runs a script there, with the standard input that it is given here. The script must hold no secret. */
  running(script: pulumi.Input<string>): pulumi.Output<string> {
    const ssh = this.#ssh;
    // The login shell there may be any: all it gets to do is to call sh.
    return pulumi.output(script).apply((text) => (ssh ? ['ssh', ...sshArguments(ssh, `exec sh -c ${quote(text)}`)].map(quote).join(' ') : text));
  }
}

/**
 * The name of a resource on a machine. Whatever moves is another resource: to Pulumi, one whose provider alone has changed is the same,
 * and the one on the machine before would be forgotten. Who signs in there makes no difference.
 */
function named(role: string, target: string): string {
  const ssh = parseTarget(target);
  return ssh ? `${role}@${ssh.host}${ssh.port ? `-${ssh.port}` : ''}` : role;
}

/**
 * The machines of a stack, which may be one and the same.
 * @param prepared what comes before everything that is made on any of them, and goes after it
 */
export function createMachines(config: Config, prepared: pulumi.Resource[]): { app: Machine; proxy: Machine } {
  const { app, proxy } = config.deploy;
  const machine = createMachine(app, config, prepared);
  return { app: machine, proxy: proxy === app ? machine : createMachine(proxy, config, prepared) };
}

/** In profile local the machine is prepared, and its port checked, by the command that deploys. */
function createMachine(target: string, config: Config, prepared: pulumi.Resource[]): Machine {
  if (config.profile === 'local') return new Machine(target, []);
  const environment = { HOST_TARGET: target, HOST_WANTED: JSON.stringify(wantedOf(config, pulumi.getStack(), target)) };
  const check = new command.local.Command(named('check', target), { create: 'node host/check.ts', environment }, { dependsOn: prepared });
  return new Machine(target, setsFirewall(config) ? [check, createFirewall(named('firewall', target), target, config, [check])] : [check]);
}
