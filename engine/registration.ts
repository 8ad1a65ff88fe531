import type { Alias } from '@pulumi/pulumi/proto/alias_pb.js';
import type { RegisterResourceRequest } from '@pulumi/pulumi/proto/resource_pb.js';
import { knowsType } from './providers/index.ts';
import { isProvider } from './state.ts';
import { EngineError } from './types.ts';
import { fromWire, type Values } from './values.ts';

/** What the program asks for with one `new Resource(...)`. */
export interface Registration {
  urn: string;
  type: string;
  name: string;
  custom: boolean;
  /** URN of the explicit provider. */
  provider?: string;
  inputs: Values;
  parent?: string;
  dependencies: string[];
  propertyDependencies: Record<string, string[]>;
  protect: boolean;
  retainOnDelete: boolean;
  deleteBeforeReplace: boolean;
  ignoreChanges: string[];
  replaceOnChanges: string[];
  additionalSecretOutputs: string[];
}

/** @throws EngineError naming the resource and each option that the engine does not honour: none is ignored */
export function readRegistration(request: RegisterResourceRequest, project: string, stack: string): Registration {
  const type = request.getType();
  const name = request.getName();
  const parent = request.getParent() || undefined;
  const unsupported = unsupportedOptions(request);
  if (unsupported.length > 0) {
    throw new EngineError(`${type} ${name}: the embedded engine does not know the option ${unsupported.join(', ')}. Leave it out, or deploy with the Pulumi CLI.`);
  }
  return {
    urn: `urn:pulumi:${stack}::${project}::${qualifiedType(type, parent)}::${name}`,
    type,
    name,
    // A provider is settings for others: nothing is made for it.
    custom: request.getCustom() && !isProvider(type),
    provider: providerUrn(request.getProvider()),
    inputs: fromWire(request.getObject()?.toJavaScript() ?? {}) as Values,
    parent,
    dependencies: request.getDependenciesList(),
    propertyDependencies: Object.fromEntries(
      request.getPropertydependenciesMap().getEntryList().map(([key]) => [key, request.getPropertydependenciesMap().get(key)?.getUrnsList() ?? []]),
    ),
    protect: request.getProtect() ?? false,
    retainOnDelete: request.getRetainondelete() ?? false,
    deleteBeforeReplace: request.getDeletebeforereplace(),
    ignoreChanges: request.getIgnorechangesList().map((path) => topLevelName(path, 'ignoreChanges', type, name)),
    replaceOnChanges: request.getReplaceonchangesList().map((path) => topLevelName(path.replace(/\[\*\]$/, ''), 'replaceOnChanges', type, name)),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  };
}

/** A provider is referred to as `<urn>::<id>`. */
export const providerUrn = (reference: string): string | undefined => reference.replace(/::[^:]*$/, '') || undefined;

/** A child's URN carries the types of its parents, except the stack's. */
function qualifiedType(type: string, parent: string | undefined): string {
  const parentType = parent?.split('::')[2];
  return parentType && parentType !== 'pulumi:pulumi:Stack' ? `${parentType}$${type}` : type;
}

function topLevelName(path: string, option: string, type: string, name: string): string {
  if (/^\w+$/.test(path)) return path;
  throw new EngineError(`${type} ${name}: the embedded engine knows whole properties in ${option}, not the path ${path}.`);
}

function unsupportedOptions(request: RegisterResourceRequest): string[] {
  const timeouts = request.getCustomtimeouts();
  const given: Record<string, boolean> = {
    aliases: !request.getAliasesList().every((alias) => isOutlivedType(request, alias)) || request.getAliasurnsList().length > 0,
    import: request.getImportid() !== '',
    customTimeouts: [timeouts?.getCreate(), timeouts?.getUpdate(), timeouts?.getDelete(), timeouts?.getRead()].some(Boolean),
    // Pulumi's engine passes it on to the children.
    'retainOnDelete of a component': request.getRetainondelete() === true && !request.getCustom(),
    deletedWith: request.getDeletedwith() !== '',
    replaceWith: request.getReplaceWithList().length > 0,
    replacementTrigger: request.hasReplacementTrigger(),
    transforms: request.getTransformsList().length > 0,
    hooks: request.hasHooks(),
    hideDiffs: request.getHidediffsList().length > 0,
    pluginDownloadURL: request.getPlugindownloadurl() !== '',
    envVarMappings: request.getEnvvarmappingsMap().getLength() > 0,
    'remote components': request.getRemote(),
  };
  return Object.keys(given).filter((option) => given[option]);
}

/** An alias that the SDK adds by itself for a type's former name. No state of this engine holds what it has no provider for. */
function isOutlivedType(request: RegisterResourceRequest, alias: Alias): boolean {
  const type = alias.getSpec()?.getType() ?? '';
  return request.getCustom() && type !== '' && !knowsType(type);
}
