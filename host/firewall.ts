// Brings one machine's firewall to what a stack wants, or removes the stack from it; opens and closes the ports of its front. What is
// wanted arrives as JSON on standard input.
import { text } from 'node:stream/consumers';
import { applyFirewall, closePorts, openPorts, removeFirewall } from './firewall/act.ts';
import type { Wanted } from './firewall/wanted.ts';
import { plain } from './plain.ts';

const commands: Record<string, (wanted: Wanted) => Promise<string>> = {
  apply: (wanted) => applyFirewall(wanted, { closes: false }),
  remove: removeFirewall,
  open: openPorts,
  close: closePorts,
};
const command = commands[process.argv[2] ?? ''];
if (!command) {
  process.stderr.write('Usage: node host/firewall.ts apply|remove|open|close < WANTED.json\n');
  process.exitCode = 2;
} else {
  try {
    process.stdout.write(`${plain(await command(JSON.parse(await text(process.stdin))))}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
