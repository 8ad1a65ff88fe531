import * as command from '@pulumi/command';
import type * as docker from '@pulumi/docker';
import * as pulumi from '@pulumi/pulumi';
import type { Machine } from './machine.ts';
import { sha256 } from './secrets.ts';
import { objectName } from './stack.ts';

/** Where a container stands while it takes over from another of its role. */
export type Place = 'a' | 'b';

/**
 * Where the container of a role is to stand: one that differs in anything gets the other place. So it is made and healthy before its
 * predecessor goes, since no two containers share a name or a port, and what leads to it is changed in between.
 * @param inputs all in which it may differ
 */
export function choosePlace(role: string, machine: Machine, inputs: pulumi.Input<unknown>, opts: pulumi.CustomResourceOptions): pulumi.Output<Place> {
  const healthy = machine.running(`docker ps --filter health=healthy --format '{{.Names}}'`);
  // After an `up` that failed the one there may be the one that serves, and the one here never was healthy.
  const create = pulumi.interpolate`here=\${PULUMI_COMMAND_STDOUT:-b}
there=$(echo "$here" | tr ab ba)
healthy=$(${healthy}) || exit
serves() { echo "$healthy" | grep -qxF "${objectName(role)}-$1"; }
if serves "$there" && ! serves "$here"; then echo "$here"; else echo "$there"; fi`;
  const environment = { CONTAINER: pulumi.jsonStringify(inputs).apply(sha256) };
  const place = new command.local.Command(machine.named(`${role}-place`), { create, environment }, { ...opts, dependsOn: machine.checked });
  // What decides on it is a hash of secrets; it is none itself.
  return pulumi.unsecret(place.stdout) as pulumi.Output<Place>;
}

/** Where a container stands, once it does. */
export function placeOf({ name }: docker.Container): pulumi.Output<Place> {
  return name.apply((text) => text.slice(-1) as Place);
}
