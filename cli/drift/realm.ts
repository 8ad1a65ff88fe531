import type { Report } from '../../keycloak/applier/report.ts';
import { CommandError } from '../errors.ts';
import { dockerText } from '../keeping/process.ts';
import { objectName, stackLabel } from '../stack-name.ts';
import { commandOf, engineOf, type Scene, type Seen, type Sight } from './scene.ts';

/** Asks Keycloak by the realm applier, from within the container network: its admin API is nowhere else. */
export async function lookAtRealm(scene: Scene): Promise<Partial<Sight>> {
  const { stack, config } = scene;
  const command = commandOf(scene, 'keycloak-realm');
  if (!command) return {};
  const engine = engineOf(config.deploy.app);
  const [image] = (await dockerText(engine, ['image', 'ls', '--quiet', '--filter', `reference=drawbridge.local/${stack}/applier`])).split('\n');
  if (!image) throw new CommandError('the applier’s image is not there: `up` builds it');
  const isolated = ['--network', objectName(stack, 'edge'), '--log-driver', 'none', '--read-only', '--memory', '256m', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
  const printed = await dockerText(engine, ['run', '--rm', '--interactive', '--label', stackLabel(stack), ...isolated, '--entrypoint', 'node', image, 'keycloak/look.ts'], String(command.inputs['stdin'])).catch((error: unknown) => {
    throw error instanceof CommandError && /MODULE_NOT_FOUND/.test(error.message) ? new CommandError('its applier is of a version that cannot look: `up` brings a new one') : error;
  });
  const { changes, reported } = JSON.parse(printed) as Report;
  return { seen: changes.map((change) => seenOf(command.urn, config.realm, change)), beside: reported.map((one) => `realm ${config.realm}: ${one}`) };
}

/** @param change as the applier would report it, had it made it */
export function seenOf(urn: string, realm: string, change: Report['changes'][number]): Seen {
  const of = (what: string) => (what === `realm ${realm}` ? what : `realm ${realm}: ${what}`);
  if (typeof change !== 'string')
    return { urn, what: of(change.what), differences: change.differences.map(({ path, expected, found }) => ({ path, expected: words(path, expected), found: words(path, found) })) };
  const [, done, what] = /^(created|deleted) (.*)$/.exec(change) ?? [];
  if (!what) return { urn, what: of(change), differences: [{ path: '', expected: 'done', found: 'not done' }] };
  const [expected, found] = done === 'created' ? ['there', 'gone'] : ['not there', 'there'];
  return { urn, what: of(what), differences: [{ path: '', expected, found }] };
}

const SECRET = /secret|password|credential/i;

function words(path: string, value: unknown): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  if (SECRET.test(path)) return '[secret]';
  return typeof value === 'string' ? value : JSON.stringify(value, (key, inner: unknown) => (SECRET.test(key) ? '[secret]' : inner));
}
