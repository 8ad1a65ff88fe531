// A simulation of Cloudflare: the DNS part of its API, and a DNS server that answers with the records. Environment: PEM (key and
// certificate for api.cloudflare.com), TOKEN, ZONE. GET /records, on port 9000, tells what there is and what was called.
import { createSocket } from 'node:dgram';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';

const { PEM, TOKEN, ZONE } = process.env;
const records = new Map();
const calls = [];
let count = 0;

createServer({ key: PEM, cert: PEM }, async (request, response) => {
  const body = JSON.parse((await Array.fromAsync(request)).join('') || 'null');
  const { pathname, searchParams } = new URL(request.url, 'https://api.cloudflare.com');
  calls.push(`${request.method} ${pathname}`);
  const answer = (status, result, errors = []) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ success: errors.length === 0, errors, messages: [], result }));
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return answer(403, null, [{ code: 9109, message: 'Invalid access token' }]);
  const [, id] = /^\/client\/v4\/zones\/zone-1\/dns_records\/?(.*)$/.exec(pathname) ?? [];
  if (pathname === '/client/v4/zones') return answer(200, searchParams.get('name') === ZONE ? [{ id: 'zone-1', name: ZONE }] : []);
  if (id === undefined) return answer(404, null, [{ code: 7003, message: 'Could not route' }]);
  if (request.method === 'POST') {
    const record = { id: `record-${++count}`, ...body };
    records.set(record.id, record);
    return answer(200, record);
  }
  if (request.method === 'DELETE') return answer(200, records.delete(id) ? { id } : null);
  return answer(200, [...records.values()].filter((record) => ['type', 'name', 'content'].every((key) => !searchParams.has(key) || searchParams.get(key) === record[key])));
}).listen(443);

// RFC 1035 §4: answers TXT, and that there is nothing else.
const dns = createSocket('udp4').bind(53);
dns.on('message', (query, from) => {
  const labels = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  const question = query.subarray(12, at + 5);
  const texts = query.readUInt16BE(at + 1) === 16 ? [...records.values()].filter(({ type, name }) => type === 'TXT' && name === labels.join('.').toLowerCase()).map(({ content }) => content) : [];
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  for (const [index, value] of [0x8180, 1, texts.length].entries()) header.writeUInt16BE(value, 2 + 2 * index);
  // A pointer to the name in the question, TXT, IN, no time to live, and one string.
  const answers = texts.map((text) => Buffer.concat([Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, text.length + 1, text.length]), Buffer.from(text, 'latin1')]));
  dns.send(Buffer.concat([header, question, ...answers]), from.port, from.address);
});

createPlainServer((_, response) => response.end(JSON.stringify({ records: [...records.values()], calls }))).listen(9000);
