import type { Begun } from '../../deployers/begun.ts';
import { connect } from '../docker.ts';
import { stackLabel } from '../stack-name.ts';

/** Removes of what a killed run had begun to make all that Docker has, and that bears the label of the stack. @returns whether there was anything */
export async function removeBegun(stack: string, begun: readonly Begun[]): Promise<boolean> {
  let removed = false;
  for (const { kind, name, engine } of begun) {
    const docker = await connect(engine);
    // Docker takes a name for a pattern, of which it may have more.
    const filters = { label: [stackLabel(stack)], name: [`^/?${name}$`] };
    const found = kind === 'container' ? await docker.listContainers({ all: true, filters }) : await docker.listNetworks({ filters });
    for (const { Id } of found) {
      await (kind === 'container' ? docker.getContainer(Id).remove({ force: true }) : docker.getNetwork(Id).remove());
      removed = true;
    }
  }
  return removed;
}
