import * as docker from '@pulumi/docker';
import type { Machine } from './machine.ts';
import { labels, objectName } from './stack.ts';

/** What outlives a front, and a change of tier: without them, a way back would begin with a new account at the CA and a new certificate. */
export interface WayInVolumes {
  /** What fronts were told last, and what is noted of backups. */
  readonly configuration: docker.Volume;
  readonly certificates: docker.Volume;
  /** The account is known to the CA and bears its rate limits: losing it can lock a name out for days. */
  readonly acme: docker.Volume;
}

export function createVolumes(machine: Machine, { protect }: { protect: boolean }): WayInVolumes {
  const volume = (role: string, isProtected = false) =>
    new docker.Volume(machine.named(role), { name: objectName(role), labels: labels() }, { ...machine.options, protect: isProtected, dependsOn: machine.checked });
  return { configuration: volume('configuration'), certificates: volume('certificates'), acme: volume('acme', protect) };
}
