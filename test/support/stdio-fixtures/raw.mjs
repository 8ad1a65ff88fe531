// A server without an SDK that misbehaves as its first argument says.
import { createInterface } from 'node:readline';

const [how, ...rest] = process.argv.slice(2);
const answer = (id, result) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
let initialized = false;
let discovered = 0;

if (how === 'crasher') {
  process.stderr.write('no such database\n');
  process.exit(Number(rest[0]));
}
if (how === 'deaf') {
  // Reads nothing and cannot be asked to end.
  process.on('SIGTERM', () => process.stderr.write('no\n'));
  setInterval(() => {}, 1000);
} else {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === 'server/discover') discovered += 1;
    if (method === 'initialize') {
      initialized = true;
      answer(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } });
    } else if (!initialized && how === 'picky') {
      process.stderr.write('expected initialize\n');
      process.exit(1);
    } else if (!initialized && how === 'silent') {
      process.stderr.write('ignored\n');
    } else if (method === 'server/discover') {
      process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } })}\n`);
    } else if (method === 'tools/call') {
      answer(id, { content: [{ type: 'text', text: JSON.stringify({ pid: process.pid, discovered, params }) }] });
    }
  });
}
