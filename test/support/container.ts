import { execFileSync } from 'node:child_process';

/** The name of the container that has a role in a stack: one that others take over from has a place in its name. */
export function containerOf(stack: string, role: string): string {
  const filter = `name=^/drawbridge-${stack}-${role}(-[ab])?$`;
  return execFileSync('docker', ['ps', '--filter', filter, '--format', '{{.Names}}'], { encoding: 'utf8' }).trim();
}
