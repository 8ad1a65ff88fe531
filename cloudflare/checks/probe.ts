import { CLAUDE } from './bots.ts';
import type { Finding, Looked } from './finding.ts';

/** In milliseconds. Claude itself gives discovery ten seconds. */
const PATIENCE = 10_000;
/** A client of no name, and those by which Claude asks: the one for documents and tokens, the other for calls. */
const PLAIN = 'drawbridge';
export const AGENTS = ['python-httpx/0.28.1', CLAUDE];

/** An answer, or why there was none. */
export async function reach({ fetch = globalThis.fetch }: Pick<Looked, 'fetch'>, url: string, init: RequestInit): Promise<Response | Error> {
  try {
    return await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE), ...init });
  } catch (error) {
    return error as Error;
  }
}

/** Calls each MCP server without a token, by several names: a zone that blocks bots refuses some of them. */
async function checkCalls(looked: Looked): Promise<Finding[]> {
  const findings = looked.servers.map(async ({ host, path }): Promise<Finding[]> => {
    const url = `https://${host}${path}`;
    const [plain, ...named] = await Promise.all([PLAIN, ...AGENTS].map((agent) => call(looked, url, agent)));
    if (plain!.unreached) return [notReached(url, plain!.unreached)];
    if (plain!.failed) return [{ check: 'edge', problem: `Cloudflare answers for ${url} in the server’s place: ${plain!.said}.`, remedy: 'See the findings about DNS and tunnel, and whether the front runs (`npm run status`).' }];
    // From a machine that is not on the list of callers, that is as it should be.
    if (plain!.refused) return looked.restricted && plain!.status === 403 && !plain!.challenged ? [] : [{ check: 'edge', problem: `${url} refuses every client: ${plain!.said}.`, remedy: 'Security → Events shows by which rule or setting; except the paths of MCP servers from it.' }];
    if (!plain!.ofGateway) return [{ check: 'edge', problem: `${url} is answered by something else than the gateway: ${plain!.said}.`, remedy: WHO_ANSWERS }];
    return named.flatMap((answer, index): Finding[] => {
      if (!answer.refused) return [];
      return [{ check: 'bots', problem: `${url} answers ${plain!.status} to a client of no name, and refuses the user agent ${AGENTS[index]}: ${answer.said}.`, remedy: `Security → Events shows by which rule or setting, with the user agent ${AGENTS[index]}; switch it off, or except ${host}${path}.` }];
    });
  });
  return (await Promise.all(findings)).flat();
}

const notReached = (url: string, reason: string): Finding => ({ check: 'edge', problem: `${url} cannot be reached from here: ${reason}.`, remedy: 'See the findings about DNS, certificate and tunnel; if there are none, look from another network.' });

const WHO_ANSWERS = 'See whether the front runs (`npm run status`); whether the tunnel’s routes are those of the stack (Zero Trust → Networks → Tunnels); and whether an application of Cloudflare Access, a Worker or a redirect rule of the zone is there for the name.';

/** Asks as clients do. What none can get at all is not said a second time of what they read before. */
export async function checkAnswers(looked: Looked): Promise<Finding[]> {
  const findings = await checkCalls(looked);
  return findings.some(({ check }) => check === 'edge') ? findings : [...findings, ...(await checkDocuments(looked))];
}

/** What a client reads before it calls: metadata and keys, which are JSON for everyone. */
async function checkDocuments(looked: Looked): Promise<Finding[]> {
  const findings = looked.documents.map(async ({ host, path }): Promise<Finding[]> => {
    const url = `https://${host}${path}`;
    // Of a URL that nobody else asks for: nothing is kept that anyone would get.
    const answer = await reach(looked, `${url}?${crypto.randomUUID()}`, { headers: { 'user-agent': AGENTS[0]! } });
    if (answer instanceof Error) return [notReached(url, reasonOf(answer))];
    const { ofJson, said } = await read(answer);
    if (answer.status === 200 && ofJson) return [];
    return [{ check: 'edge', problem: `${url}, which clients read before they sign in, is answered with ${said}${answer.status === 200 ? ', which is no JSON' : ''}.`, remedy: answer.status === 403 || answer.headers.has('cf-mitigated') ? 'Security → Events shows by which rule or setting; except the paths below /.well-known/ and /auth/ from it.' : WHO_ANSWERS }];
  });
  return (await Promise.all(findings)).flat();
}

interface Called {
  readonly status?: number;
  /** Why there was no answer. */
  readonly unreached?: string;
  /** The edge found nothing behind it. */
  readonly failed?: boolean;
  readonly refused?: boolean;
  readonly challenged?: boolean;
  /** As the gateway answers, and its front: it asks for a token, or says something in JSON. */
  readonly ofGateway?: boolean;
  /** The answer in words. */
  readonly said?: string;
}

async function call(looked: Looked, url: string, agent: string): Promise<Called> {
  const headers = { 'user-agent': agent, accept: 'application/json, text/event-stream', 'content-type': 'application/json' };
  const answer = await reach(looked, url, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' });
  if (answer instanceof Error) return { unreached: reasonOf(answer) };
  const { status } = answer;
  const { challenged, ofJson, said } = await read(answer);
  const ofGateway = status === 401 || (status < 500 && ofJson);
  return { status, said, challenged, ofGateway, failed: status >= 520 || status === 409, refused: challenged || [402, 403, 429, 503].includes(status) };
}

/** An answer in words, and what is known by its headers. */
async function read(answer: Response): Promise<{ said: string; challenged: boolean; ofJson: boolean }> {
  const page = await answer.text().catch(() => '');
  // Error pages of the edge are for people (Cloudflare, "Cloudflare 1xxx errors"); in text it is "error code: 1010".
  const code = /error code: (\d{3,4})|<h1>Error (\d{4})/i.exec(page);
  const challenged = answer.headers.has('cf-mitigated');
  const said = `${answer.status}${code ? `, Cloudflare’s error ${code[1] ?? code[2]}` : ''}${challenged ? ', a challenge for browsers' : ''}`;
  return { said, challenged, ofJson: /json|event-stream/.test(answer.headers.get('content-type') ?? '') };
}

/** Such as ENOTFOUND; fetch hides it some levels down. */
function reasonOf(error: Error): string {
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) if ('code' in cause) return String(cause.code);
  return error.name === 'TimeoutError' ? `no answer within ${PATIENCE / 1000} seconds` : error.message;
}
