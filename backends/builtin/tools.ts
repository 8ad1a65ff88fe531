import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer, type McpServerFactory, type ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import manifest from '../../package.json' with { type: 'json' };
import { MAX_LENGTH, MAX_NOTES, Notes } from './notes.ts';
import type { Caller } from './caller.ts';

/** As long as Claude gives a tool call. */
const MAX_SECONDS = 300;

const identity = z.object({
  subject: z.string(),
  username: z.string().optional(),
  client: z.string(),
  scopes: z.array(z.string()),
  expiresAt: z.number().describe('Seconds since the epoch'),
});
const message = z.object({ message: z.string().max(MAX_LENGTH).describe('What to say back') });
const patience = z.object({ seconds: z.int().min(0).max(MAX_SECONDS).describe('How long to wait') });
const name = z.string().min(1).max(64).default('note').describe('Name of the note');
const noteToRead = z.object({ name });
const noteToWrite = z.object({ name, text: z.string().max(MAX_LENGTH).describe('Its whole text') });

/** A demonstration server with the built-in tools and notes of its own. Each request gets a fresh instance: no state crosses users. */
export function createToolServer(serverName: string): McpServerFactory {
  const notes = new Notes();
  return () => {
    // The list of tools never changes while the server runs, so that clients need not keep a stream open for it.
    const server = new McpServer({ name: serverName, version: manifest.version }, { capabilities: { tools: { listChanged: false } } });

    server.registerTool(
      'whoami',
      { description: 'Who you are to this server: user, client and scopes of your access token.', outputSchema: identity, annotations: { readOnlyHint: true } },
      (context) => {
        const { subject, username, clientId, scopes, expiresAt } = callerOf(context);
        const structuredContent = { subject, username, client: clientId, scopes: [...scopes], expiresAt };
        return { structuredContent, ...said(JSON.stringify(structuredContent)) };
      },
    );

    server.registerTool('echo', { description: 'Says back what you say.', inputSchema: message, annotations: { readOnlyHint: true } }, (input) =>
      said(input.message),
    );

    server.registerTool(
      'wait',
      { description: 'Answers after some seconds, and is silent until then: for trying out whether calls that take long get through.', inputSchema: patience, annotations: { readOnlyHint: true } },
      async ({ seconds }, { mcpReq }) => {
        const progressToken = mcpReq._meta?.progressToken;
        if (progressToken !== undefined) await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 0, total: seconds } });
        // Whoever hangs up waits no longer.
        await sleep(seconds * 1000, undefined, { signal: mcpReq.signal, ref: false });
        return said(`Waited ${seconds} s.`);
      },
    );

    server.registerTool(
      'note_read',
      { description: 'Reads one of your notes.', inputSchema: noteToRead, annotations: { readOnlyHint: true } },
      (input, context) => {
        const { subject } = callerOf(context);
        const text = notes.read(subject, input.name);
        return text === undefined ? failed(`You have no note of that name. Your notes: ${JSON.stringify(notes.names(subject))}`) : said(text);
      },
    );

    server.registerTool(
      'note_write',
      {
        description: 'Writes one of your notes. A note of the same name is replaced.',
        inputSchema: noteToWrite,
        annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
      },
      (input, context) =>
        notes.write(callerOf(context).subject, input.name, input.text)
          ? said(`Kept ${input.name}.`)
          : failed(`You have ${MAX_NOTES} notes, which is all there is room for: replace one of them.`),
    );

    return server;
  };
}

function said(text: string) {
  return { content: [{ type: 'text' as const, text }] };
}

function failed(text: string) {
  return { ...said(text), isError: true };
}

function callerOf(context: ServerContext): Caller {
  return context.http!.authInfo!.extra!.caller as Caller;
}
