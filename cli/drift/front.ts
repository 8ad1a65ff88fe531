import type { Difference } from '../../engine/index.ts';
import { CommandError } from '../errors.ts';
import { dockerText } from '../keeping/process.ts';
import { stackLabel } from '../stack-name.ts';
import { commandOf, engineOf, type Scene, type Sight } from './scene.ts';

/** The configuration that it was given; what nginx should read of it, with a certificate and without; and what it reads. */
const SCRIPT = `. /usr/local/lib/drawbridge/configuration.sh
print() { part "$1" "$current" | sed "s/CONFIGURATION/$(fingerprint "$current")/"; }
cat "$current"; printf '\\001'; print serving; printf '\\001'; print waiting; printf '\\001'; cat "$run/nginx.conf"`;

/** Of more lines nobody reads more. */
const MOST = 10;

export async function lookAtFront(scene: Scene): Promise<Partial<Sight>> {
  const { stack, config } = scene;
  const command = commandOf(scene, 'ingress-configuration');
  if (!command) return {};
  const engine = engineOf(config.deploy.proxy);
  const names = (await dockerText(engine, ['ps', '--filter', `label=${stackLabel(stack)}`, '--format', '{{.Names}}'])).split('\n');
  const front = names.find((name) => /-front(-[ab])?$/.test(name));
  if (!front) throw new CommandError('it does not run: `up` makes it');
  const [given = '', ...others] = (await dockerText(engine, ['exec', front, 'sh', '-c', SCRIPT])).split('\u0001');
  return { seen: [{ urn: command.urn, what: 'front', differences: configurationDifferences(String(command.inputs['stdin']), given, others) }].filter(({ differences }) => differences.length > 0) };
}

/** @param read as nginx should read it with a certificate, as without one, and as it does */
export function configurationDifferences(wanted: string, given: string, [serving = '', waiting = '', running = '']: readonly string[]): Difference[] {
  const changed = lineDifferences('configuration', wanted, given);
  // The one follows from the other.
  if (changed.length > 0) return changed;
  return [serving, waiting].some((due) => due.trim() === running.trim()) ? [] : lineDifferences('what nginx reads', serving, running);
}

/** The lines that only one of two texts has, in pairs, as they come. */
function lineDifferences(path: string, wanted: string, found: string): Difference[] {
  const [expected, actual] = [linesOf(wanted), linesOf(found)];
  const [missing, added] = [without(expected, actual), without(actual, expected)];
  const pairs = Array.from({ length: Math.max(missing.length, added.length) }, (_, index) => ({ path, expected: missing[index] ?? 'no such line', found: added[index] ?? 'no such line' }));
  const rest = pairs.length - MOST;
  return rest > 0 ? [...pairs.slice(0, MOST), { path, expected: `${rest} more lines`, found: 'other lines' }] : pairs;
}

const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** Each line as often as it is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
