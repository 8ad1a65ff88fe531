import { chatgpt } from './chatgpt.ts';
import { claudeCode } from './claude-code.ts';
import { claude } from './claude.ts';
import type { Client } from './client.ts';
import { cursor } from './cursor.ts';
import { inspector } from './inspector.ts';
import { vscode } from './vscode.ts';

export { type Client, type ClientName, clientNames } from './client.ts';

/** In the order in which a report names them. */
export const clients: readonly Client[] = [claude, claudeCode, chatgpt, vscode, cursor, inspector];
