import { setTimeout as delay } from 'node:timers/promises';
import type ComponentRepresentation from '@keycloak/keycloak-admin-client/lib/defs/componentRepresentation.js';
import type { DesiredRealm } from '../desired-realm.ts';
import type { Connection } from './connection.ts';
import type { Report } from './report.ts';

const TYPE = 'org.keycloak.keys.KeyProvider';

/** What signs: access and ID tokens with RS256, refresh tokens and cookies with HS512, which nobody but Keycloak reads. */
const kinds: { name: string; providerId: string; config: Record<string, string[]>; first: string }[] = [
  { name: 'RS256', providerId: 'rsa-generated', config: { algorithm: ['RS256'], keySize: ['2048'] }, first: 'rsa-generated' },
  { name: 'HS512', providerId: 'hmac-generated', config: { algorithm: ['HS512'], secretSize: ['128'] }, first: 'hmac-generated-hs512' },
];

/**
 * Milliseconds between the publication of a key and its first signature. Whoever validates asks for an unknown key again, though
 * not more often than every so many seconds (our gateway: ten): by then it has seen the key, or may ask.
 */
const PUBLISHED_AHEAD = 12_000;

/** Of Keycloak's providers the one with the highest priority signs. Its own have 100. */
const signing = (generation: number) => String(100 + generation);
const waiting = '0';

/** Where the name of a key says that it no longer signs. */
const RETIRED = / \(verifies until (\S+)\)$/;

/**
 * Signing keys by generation: a new one is published, and only then signs. The ones before it go on to verify for as long as
 * a session that they signed may last, and are removed by a later run. Keys that people added are left alone.
 */
export async function applySigningKeys(admin: Connection, { realm, signingKeys: { generation, overlap } }: DesiredRealm, report: Report): Promise<void> {
  const realmId = (await admin.realms.findOne({ realm }))?.id;
  const current = await admin.components.find({ type: TYPE });
  if (generation === 1) return;
  const update = (key: ComponentRepresentation, name: string, config: Record<string, string[]>) => admin.components.update({ id: key.id! }, { ...key, name, config: { ...key.config, ...config } });

  for (const { name, providerId, config } of kinds)
    if (!current.some((key) => key.name === keyName(name, generation))) {
      await admin.components.create({ name: keyName(name, generation), providerId, providerType: TYPE, parentId: realmId, config: { ...config, priority: [waiting], enabled: ['true'], active: ['true'] } });
      report.changes.push(`created signing key ${keyName(name, generation)}`);
    }

  const keys = await admin.components.find({ type: TYPE });
  const fresh = kinds.flatMap(({ name }) => keys.filter((key) => key.name === keyName(name, generation) && key.config?.priority?.[0] !== signing(generation)));
  if (fresh.length > 0) await delay(PUBLISHED_AHEAD);
  for (const key of fresh) {
    await update(key, key.name!, { priority: [signing(generation)] });
    report.changes.push(`${key.name} signs from now on`);
  }

  const until = new Date(Date.now() + overlap * 1000).toISOString().replace(/\.\d+/, '');
  for (const { name, first } of kinds)
    for (const key of keys)
      if (key.name === first || earlier(key.name, name, generation)) {
        await update(key, `${key.name} (verifies until ${until})`, { active: ['false'] });
        report.changes.push(`${key.name} no longer signs, and verifies until ${until}`);
      }
}

/** Removes the keys that no session can have been signed with. */
export async function removeExpiredKeys(admin: Connection, report: Report): Promise<void> {
  for (const { id, name = '' } of await admin.components.find({ type: TYPE })) {
    const until = RETIRED.exec(name)?.[1];
    if (until === undefined || Date.parse(until) > Date.now()) continue;
    await admin.components.del({ id: id! });
    report.changes.push(`deleted signing key ${name.replace(RETIRED, '')}`);
  }
}

const keyName = (kind: string, generation: number): string => `drawbridge ${kind} ${generation}`;

/** Whether a key that still signs is of an earlier generation. */
const earlier = (key: string | undefined, kind: string, generation: number): boolean =>
  Array.from({ length: generation - 1 }, (_, index) => keyName(kind, index + 1)).includes(key ?? '');
