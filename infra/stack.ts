import * as pulumi from '@pulumi/pulumi';

/** The label by which every Docker object of a stack is known. Its value is the stack's name. */
export const stackLabel = 'dev.drawbridge.stack';

/** Name of a stack's Docker object: `drawbridge-<stack>-<role>`. Fixed, so that an interrupted run finds what it left. */
export const objectName = (role: string): string => objectNameOf(pulumi.getStack(), role);

/** The like of another stack. */
export const objectNameOf = (stack: string, role: string): string => `drawbridge-${stack}-${role}`;

/** What a stack's tunnel is called at Cloudflare, where a name is taken once in an account. */
export const tunnelName = (): string => `drawbridge-${pulumi.getStack()}`;

/** What saves all of this stack that could not be made again: a person's command, where the stack is configured. */
export function backupCommand(): string {
  return `npm run backup -- --stack ${pulumi.getStack()} --to drawbridge-${pulumi.getStack()}.age`;
}

/** The labels of every Docker object of this stack. */
export function labels(): { label: string; value: string }[] {
  return [{ label: stackLabel, value: pulumi.getStack() }];
}
