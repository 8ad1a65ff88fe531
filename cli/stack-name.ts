import { UsageError } from './errors.ts';

export const DEFAULT_STACK = 'local';

/** It becomes part of container names and file names. */
export const isStackName = (stack: string): boolean => /^[a-z0-9][a-z0-9-]{0,30}$/.test(stack);

/** @throws UsageError */
export function checkStackName(stack: string): string {
  if (!isStackName(stack))
    throw new UsageError(`--stack ${stack} is no stack name: use lower-case letters, digits and dashes, at most 31.`);
  return stack;
}

/** How a stack is named after `npm run …`: not at all where it is the default one. */
export const stackOption = (stack: string): string => (stack === DEFAULT_STACK ? '' : ` -- --stack ${stack}`);

/** The Docker object of a stack that has a role, as infra/ names it. */
export const objectName = (stack: string, role: string): string => `drawbridge-${stack}-${role}`;

/** The role of a container of that name. Its place, where one takes over from another beside it, is no part of it. */
export const roleOf = (stack: string, container: string): string => container.slice(objectName(stack, '').length).replace(/^(front|server)-[ab]$/, '$1');

/** The label that every Docker object of a stack has, as infra/ sets it. */
export const stackLabel = (stack: string): string => `dev.drawbridge.stack=${stack}`;
