import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** What one run of the load generator saw. Times in milliseconds. */
export interface Load {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Where to call, and with which token. */
export interface Place {
  readonly name: string;
  readonly url: string;
  readonly token?: string;
}

export type Era = '2026-07-28' | '2025-06-18';

/** The request that is repeated: one tool call of an era. */
export function callOf(era: Era, token: string | undefined, tool = 'hello'): { headers: Record<string, string>; body: string } {
  const modern = era === '2026-07-28';
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': era,
    'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': era,
      ...(modern ? { 'mcp-method': 'tools/call', 'mcp-name': tool } : {}),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {}, ...(modern ? { _meta } : {}) } }),
  };
}

/** One call, whose answer has to be the tool's. @throws Error with the answer that came instead. */
export async function checkOne({ name, url, token }: Place, era: Era): Promise<void> {
  const response = await fetch(url, { method: 'POST', ...callOf(era, token) });
  const text = await response.text();
  if (response.status !== 200 || !text.includes('"text":"hello"'))
    throw new Error(`${name} answers a call of ${era} with ${response.status} ${text.slice(0, 500)}`);
}

/** Calls as fast as the connections allow. @throws Error when a call failed: the figures would be about something else. */
export async function load({ name, url, token }: Place, era: Era, connections: number, seconds: number): Promise<Load> {
  const { headers, body } = callOf(era, token);
  const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`);
  const env = { PATH: process.env.PATH, BODY: body, HEADERS: lines.join('\n') };
  const args = [
    '--threads',
    '1',
    '--connections',
    String(connections),
    '--duration',
    `${seconds}s`,
    '--timeout',
    '10s',
    '--script',
    join(import.meta.dirname, 'load.lua'),
    url,
  ];
  const { stdout } = await promisify(execFile)('wrk', args, { env });
  const { refused, broken, ...figures } = JSON.parse(stdout.trim().split('\n').at(-1)!) as Load & { refused: number; broken: number };
  if (refused + broken > 0) throw new Error(`${name}, ${era}, ${connections} connections: ${refused} calls were refused, ${broken} connections broke.`);
  return figures;
}
