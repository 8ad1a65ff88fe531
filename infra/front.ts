import * as command from '@pulumi/command';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import { type ContainerArgs, createContainer } from './container.ts';
import type { Images } from './images.ts';
import type { Machine } from './machine.ts';

/** nginx's own user in its image, which needs no other where it binds no port below 1024. */
export const frontUser = 101;

type OfItsTier = Pick<ContainerArgs, 'beside' | 'user' | 'capabilities' | 'networks' | 'networkMode' | 'ports' | 'hosts' | 'settings' | 'volumes'>;

/** nginx before the gateway and Keycloak: the same in both tiers, but for where it listens. */
export function createFront({ machine, images }: { machine: Machine; images: Images }, ofItsTier: OfItsTier, opts: pulumi.CustomResourceOptions): docker.Container {
  return createContainer(
    'front',
    {
      ...ofItsTier,
      machine,
      image: images.built('front'),
      alias: 'front',
      // Group 0 may write as well: a root without capabilities is just another user to files of uid 101.
      tmpfs: { '/run/nginx': `rw,uid=${frontUser},gid=0,mode=0770`, '/var/cache/nginx': `rw,uid=${frontUser},gid=0,mode=0700` },
      // It serves once it is configured and has what it needs, and who gives it that waits for its container: so nobody waits here.
      health: { command: ['sh', '/usr/local/lib/drawbridge/front-health.sh'], within: 60, wait: false },
      stopTimeout: 30,
      memory: 512,
    },
    opts,
  );
}

/** Gives a front its configuration. Nothing of it makes a new container: nginx takes it over, with all that is connected. */
export function configureFront(name: string, machine: Machine, front: docker.Container, text: pulumi.Input<string>, opts: pulumi.CustomResourceOptions): command.local.Command {
  return new command.local.Command(
    machine.named(`${name}-configuration`),
    { create: machine.running(pulumi.interpolate`exec docker exec --interactive ${front.name} sh /usr/local/lib/drawbridge/configure.sh`), stdin: text, triggers: [front.id] },
    opts,
  );
}
