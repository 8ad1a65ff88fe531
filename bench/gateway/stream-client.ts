import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { callOf } from './load.ts';

// stream-client.ts URL TOKEN: for each line on stdin, a number, opens calls until that many streams are open, each with its first
// event received, and prints the number. Ends with stdin.

const [url, token] = process.argv.slice(2) as [string, string];
const agent = new Agent({ maxSockets: Infinity });
const { headers, body } = callOf('2026-07-28', token, 'stay');
let open = 0;

function openOne(): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a stream was answered with ${response.statusCode}`));
      response.once('data', () => resolve());
      response.on('close', () => reject(new Error('a stream ended')));
    });
    call.on('error', reject);
    call.end(body);
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  while (open < Number(line)) {
    const some = Math.min(50, Number(line) - open);
    await Promise.all(Array.from({ length: some }, openOne));
    open += some;
  }
  console.log(open);
}
process.exit();
