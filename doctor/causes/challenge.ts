import { said } from '../exchange.ts';
import { repliesOf } from '../messages.ts';
import type { Cause } from './cause.ts';
import { edgeError, isEdgeBlocked } from './edge.ts';
import { seconds, versionError, withoutSlashes } from './judging.ts';

const isRedirect = (status: number): boolean => status >= 300 && status < 400;

export const challengeCauses: Cause[] = [
  {
    id: 'redirect',
    step: 'challenge',
    source: 'claude-ai-mcp#299',
    look: ({ challenge, resource, call }) => {
      const redirected = [challenge?.opening, call?.opening].find((exchange) => exchange?.answer && isRedirect(exchange.answer.status));
      return redirected && { what: `${resource} answers ${redirected.answer!.status}, a redirect to ${redirected.answer!.headers.location ?? 'nowhere'}: at redirects a POST becomes a GET, and the token is lost.`, remedy: 'Serve the URL that people type, with and without a slash at its end, and never redirect it.', evidence: [redirected] };
    },
  },
  {
    id: 'path',
    step: 'challenge',
    source: 'claude-ai-mcp#299',
    look: ({ challenge, resource }) => {
      const { opening, besides, stream } = challenge ?? {};
      if (opening?.answer?.status !== 404 || edgeError(opening) || isOldTransport(stream?.answer?.body)) return undefined;
      if (besides?.answer && [200, 401].includes(besides.answer.status)) return { what: `${resource} is 404, and ${besides.ask.url} is there (${besides.answer.status}): the front routes one of the two only.`, remedy: 'Route the path both with and without the slash at its end, without a redirect.', evidence: [opening, besides] };
      // It was asked with and without the slash at its end, so clients that differ in it find the same.
      const place = withoutSlashes(resource);
      const usual = new URL(resource).pathname === '/' ? ` Most servers are at a path, usually ${place}/mcp.` : '';
      return { what: `There is no MCP server at ${place} (404).`, remedy: `Check the path of the URL, and that the front routes it to the server.${usual}`, evidence: [opening] };
    },
  },
  {
    id: 'old-transport',
    step: 'challenge',
    source: 'MCP 2024-11-05, HTTP+SSE; replaced in 2025-03-26',
    look: ({ challenge, resource }) => isOldTransport(challenge?.stream?.answer?.body) && { what: `${resource} speaks only the transport of 2024-11-05 (HTTP+SSE), which is out of date: clients drop it.`, remedy: 'Serve Streamable HTTP; the SDKs have had it since early 2025.', evidence: [challenge!.opening, challenge!.stream] },
  },
  {
    id: 'open',
    step: 'challenge',
    source: 'MCP authorization',
    look: ({ challenge }) => challenge?.open && { weight: 'warning', what: 'OPEN TO EVERYONE: the server asks nobody for a token. Whoever knows the URL can use every tool.', remedy: 'Put authorization before it, unless everything it does may be done by anyone.', evidence: [challenge.opening] },
  },
  {
    id: 'no-answer',
    step: 'challenge',
    source: 'claude-ai-mcp#335',
    look: ({ challenge, client }) => {
      const { opening } = challenge ?? {};
      const limit = client.patience ?? Infinity;
      if (!opening || (opening.answer && opening.milliseconds <= limit) || (opening.failure?.kind === 'reset' && challenge!.asAnyone.answer)) return undefined;
      if (opening.answer) return { what: `The first answer took ${seconds(opening.milliseconds)}; this client gives up after ${limit / 1000} seconds.`, remedy: 'Answer a request without a token at once.', evidence: [opening] };
      return { what: `The first request gets no answer: ${said(opening)}.`, remedy: 'See the logs of the server and of what is in front of it.', evidence: [opening] };
    },
  },
  {
    id: 'not-mcp',
    step: 'challenge',
    source: 'MCP transports, Streamable HTTP',
    look: (walk) => {
      const { opening, stream, open } = walk.challenge ?? {};
      const status = opening?.answer?.status;
      if (!opening || status === undefined || open || [401, 404].includes(status) || isRedirect(status) || isOldTransport(stream?.answer?.body) || edgeError(opening) || versionError(opening) || isEdgeBlocked(walk)) return undefined;
      const [error] = repliesOf(opening).flatMap((reply) => reply.error ?? []);
      const answered = error ? `the JSON-RPC error ${error.code}${error.message ? ` (${error.message})` : ''}` : `${status}, ${opening.answer!.headers['content-type'] ?? 'without a content type'}, and no JSON-RPC`;
      if (status >= 500) return { what: `The first request fails with ${error ? `${status} (${answered})` : answered}: the path leads to something that is broken.`, remedy: 'See the log of the server, and of what is in front of it.', evidence: [opening] };
      return { what: `The first request is answered with ${answered}: that is neither an MCP server nor its 401.`, remedy: 'Check that the path leads to the MCP server. One that wants a token answers 401 with WWW-Authenticate to a request without one.', evidence: [opening] };
    },
  },
  {
    id: 'challenge-lacking',
    step: 'challenge',
    source: 'RFC 9728 §5.1',
    look: ({ challenge, resourceMetadata }) => {
      if (challenge?.opening.answer?.status !== 401 || challenge.bearer?.resource_metadata) return undefined;
      // Clients then look where it usually is. Where they find nothing, that is the failure.
      const lacking = challenge.bearer ? 'no resource_metadata in its WWW-Authenticate' : 'no WWW-Authenticate: Bearer';
      return { weight: resourceMetadata?.document ? 'warning' : 'failure', what: `The 401 has ${lacking}, so clients have to guess where the metadata is.`, remedy: 'Answer 401 with WWW-Authenticate: Bearer resource_metadata="…", naming the URL of the protected resource metadata.', evidence: [challenge.opening] };
    },
  },
];

const isOldTransport = (body: string | undefined): boolean => /^event:\s*endpoint$/m.test(body ?? '');
