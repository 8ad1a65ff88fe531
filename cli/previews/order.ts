import { execFileSync } from 'node:child_process';
import type { Deployer } from '../../deployers/deployer.ts';
import { holdsSecure } from '../../engine/project.ts';
import { withLock } from '../../images/lock.ts';
import { type Config, parseConfig } from '../../infra/config.ts';
import { deriveEndpoints } from '../../infra/endpoints.ts';
import { UsageError } from '../errors.ts';
import { DEFAULT_STACK, stackOption } from '../stack-name.ts';
import { hasStackFile, projectDirectory, readStackValues } from '../stack-file.ts';
import { changesFor, type SharedKeycloak } from './changes.ts';
import { knownPreviews } from './known.ts';
import { portsFor } from './ports.ts';
import { notesOf, type PreviewRecord, USUAL_LIFETIME } from './record.ts';

/** What was asked for; undefined stays as it is, and of a new preview is what is usual. */
export interface Wishes {
  readonly from?: string;
  readonly keycloakOf?: string;
  readonly lifetime?: number;
  readonly keep?: boolean;
  readonly ref?: string;
}

export interface Planned {
  readonly record: PreviewRecord;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly config: Config;
}

export const templateOf = (wishes: Wishes, before: PreviewRecord | undefined): string => wishes.from ?? before?.template ?? (hasStackFile('preview') ? 'preview' : DEFAULT_STACK);

/**
 * Decides what a preview is to be, and notes it: from then on its port is taken.
 * @throws UsageError, ConfigError: nothing was touched
 */
export function plan(name: string, wishes: Wishes, before: PreviewRecord | undefined, deployer: Deployer): Promise<Planned> {
  // One at a time on this machine: two would find the same port free.
  return withLock('previews', () => planAlone(name, wishes, before, deployer), () => {});
}

async function planAlone(name: string, wishes: Wishes, before: PreviewRecord | undefined, deployer: Deployer): Promise<Planned> {
  const template = templateOf(wishes, before);
  const { values, problems } = readStackValues(template);
  if (deployer.keepsStateHere && holdsSecure(values))
    throw new UsageError(`Pulumi.${template}.yaml has secrets that the Pulumi CLI has encrypted, and there is no pulumi on the PATH; nothing was touched. Put it there, or make the preview from another stack with --from.`);
  const templateConfig = parseConfig(values, problems);
  const keycloakOf = wishes.keycloakOf ?? before?.keycloakOf;
  const shared = keycloakOf === undefined ? undefined : await sharedKeycloak(keycloakOf, deployer);
  const ports = await portsFor(templateConfig, before, async () => (await knownPreviews([deployer])).map(({ record }) => record));
  const changes = changesFor(name, templateConfig, { ports, shared });
  const config = parseConfig({ ...values, ...changes });
  const endpoints = deriveEndpoints(config);
  const record: PreviewRecord = {
    url: endpoints.servers[0]!.resource,
    template,
    created: before?.created ?? new Date(),
    lifetime: wishes.lifetime ?? before?.lifetime ?? USUAL_LIFETIME,
    keep: wishes.keep ?? before?.keep ?? false,
    ref: wishes.ref ?? currentRef() ?? before?.ref,
    ...ports,
    keycloakOf,
    issuer: endpoints.issuer?.issuer,
  };
  await deployer.note(name, notesOf(record));
  return { record, changes, config };
}

/** @throws UsageError where that stack does not stand, or lets no other have a realm in its Keycloak */
async function sharedKeycloak(stack: string, deployer: Deployer): Promise<SharedKeycloak> {
  const outputs = await deployer.outputs(stack);
  if (!outputs || typeof outputs['issuer'] !== 'string') throw new UsageError(`--share-keycloak ${stack}: that stack does not stand. \`npm run up${stackOption(stack)}\` stands it up.`);
  if (outputs['previewsSecret'] === undefined)
    throw new UsageError(`--share-keycloak ${stack}: that stack lets no other have a realm in its Keycloak. Set drawbridge:previewRealms to true in Pulumi.${stack}.yaml, and bring it up.`);
  return { stack, issuer: outputs['issuer'] };
}

/** Undefined where the project is no git repository, as in an archive of it. */
function currentRef(): string | undefined {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: projectDirectory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const [branch, commit] = [git('rev-parse', '--abbrev-ref', 'HEAD'), git('rev-parse', '--short', 'HEAD')];
    return branch === 'HEAD' ? commit : `${branch}@${commit}`;
  } catch {
    return undefined;
  }
}
