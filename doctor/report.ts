import type { Finding } from './diagnose.ts';
import type { Evidence } from './evidence.ts';
import type { Diagnosis } from './index.ts';

const signs = { failure: '✗', warning: '!', note: '·' } as const;

/** A diagnosis for people: a line for each client, then what was found, each once. Short where all is well. */
export function reportLines({ url, clients, findings, called, notTried, requests, seconds }: Diagnosis, { verbose = false } = {}): string[] {
  const lines = [url, ''];
  for (const { client, title, connects, step, protocol } of clients) {
    const flawed = findings.some((finding) => finding.weight === 'warning' && finding.clients.includes(client));
    lines.push(connects ? `${flawed ? '!' : '✓'} ${title}${flawed ? ' connects, with a flaw' : ''}${protocol ? ` (MCP ${protocol})` : ''}` : `✗ ${title} fails at: ${step}`);
  }
  if (called) lines.push('', oneLine(called));
  for (const finding of findings) lines.push('', ...findingLines(finding, clients, verbose));
  if (notTried.length > 0) lines.push('', 'Not tried:', ...notTried.map(({ what, option }) => `  ${what}: ${option}`));
  lines.push('', `${requests} requests in ${seconds.toFixed(1)} s, under the user agents of these clients. It looked from this machine: a client’s cloud may be let in, or kept out, where this one is not.`);
  return lines;
}

function findingLines({ weight, step, clients, what, remedies, source, evidence }: Finding, all: Diagnosis['clients'], verbose: boolean): string[] {
  const whom = clients.length === all.length && all.length > 1 ? 'all clients' : all.filter(({ client }) => clients.includes(client)).map(({ title }) => title.replace(/ \(.*/, '')).join(', ');
  return [`${signs[weight]} ${step} · ${whom}`, `  ${oneLine(what)}`, ...remedies.map((remedy) => `  → ${oneLine(remedy)}`), ...(verbose ? [`  See: ${source}`, ...evidence.flatMap(evidenceLines)] : [])];
}

/** Servers have their say in sentences: with a line break one could write lines of the report itself. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

function evidenceLines({ request, response, failure, milliseconds }: Evidence): string[] {
  const headers = (of: Readonly<Record<string, string>>) => Object.entries(of).map(([name, value]) => `${name}: ${value}`);
  const body = (text: string | undefined) => (text ? ['', ...text.split('\n')] : []);
  return [
    '',
    ...[`${request.method} ${request.url}`, ...headers(request.headers), ...body(request.body)].map((line) => `    > ${line}`),
    ...(response ? [`${response.status} after ${milliseconds} ms`, ...headers(response.headers), ...body(response.body)].map((line) => `    < ${line}`) : []),
    ...(failure ? [`    < ${failure.code}: ${oneLine(failure.message)} (after ${milliseconds} ms)`] : []),
  ];
}
