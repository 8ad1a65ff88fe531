import * as docker from '@pulumi/docker';
import { labels, objectName } from './stack.ts';

/** A bridge network of this stack. An `internal` one has no way to the outside. */
export function createNetwork(role: string, args: { internal?: boolean } = {}): docker.Network {
  return new docker.Network(role, { name: objectName(role), labels: labels(), internal: args.internal });
}
