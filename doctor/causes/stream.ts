import { type Exchange, said } from '../exchange.ts';
import { replyTo } from '../messages.ts';
import { CALL_ID, type Stream } from '../steps/stream.ts';
import type { Cause } from './cause.ts';
import { seconds } from './judging.ts';

const REMEDY = 'In the front: buffering off on the MCP path (nginx: `proxy_buffering off`, or `X-Accel-Buffering: no` from the server), no compression of event streams, a read timeout of 330 seconds or more, and a keep-alive comment from the server every 15 seconds.';

const isCutOff = (called: Exchange): boolean => [408, 502, 504, 524].includes(called.answer?.status ?? 0) || called.failure !== undefined;

/** Why nothing came of a call, or undefined where its tool did what it does. */
function refusalOf(called: Exchange): string | undefined {
  const { error, result } = replyTo(CALL_ID, called) ?? {};
  if (error) return `JSON-RPC error ${error.code}${error.message ? ` (${error.message})` : ''}`;
  if (!result) return `no result, but ${said(called)}`;
  const texts = [result.content ?? []].flat().flatMap((part) => (part as { text?: unknown } | null)?.text ?? []);
  return result.isError === true ? `the tool’s own error (${texts.join(' ') || 'without a word'})` : undefined;
}

/** What came of the call of a tool, in a line. */
export const outcomeOf = ({ tool, called, progress }: Stream): string =>
  `called ${tool}: ${refusalOf(called!) ?? 'a result'} after ${seconds(called!.milliseconds)}, with ${progress} progress messages`;

export const streamCauses: Cause[] = [
  {
    id: 'stream-cut',
    step: 'stream',
    source: 'mcp-go#162; Cloudflare cuts streams idle for about 100 seconds',
    look: ({ stream }) => {
      const { called } = stream ?? {};
      return called !== undefined && isCutOff(called) && { what: `A call was cut off after ${seconds(called.milliseconds)}: ${said(called)}.`, remedy: REMEDY, evidence: [called] };
    },
  },
  {
    id: 'stream-buffered',
    step: 'stream',
    source: 'mcp-go#162; nginx, proxy_buffering',
    look: ({ stream }) => {
      const { called, progress = 0 } = stream ?? {};
      if (!called?.answer || progress < 2) return undefined;
      const [, first = 0] = called.answer.arrivals;
      const last = called.answer.arrivals.at(-1)!;
      // Progress over some time that arrives at one moment was held back.
      if (last < 800 || last - first > last / 4) return undefined;
      return { what: `${progress} progress messages of a call that took ${seconds(last)} arrived at once at its end: something on the way buffers the stream${called.answer.headers['x-accel-buffering'] === 'no' ? '' : ' (or the tool reports only when it is done)'}. Long calls look dead, and time out.`, remedy: REMEDY, evidence: [called] };
    },
  },
  {
    id: 'tool-fails',
    step: 'stream',
    source: 'MCP tools',
    look: ({ stream }) => {
      const { tool, called } = stream ?? {};
      const refusal = called && !isCutOff(called) ? refusalOf(called) : undefined;
      return refusal !== undefined && { weight: 'warning', what: `The call of ${tool} came to nothing: ${refusal}.`, remedy: 'Name a tool of the server that needs no more arguments than were given, best one with progress.', evidence: [called] };
    },
  },
  {
    id: 'stream-silent',
    step: 'stream',
    source: 'Cloudflare cuts streams idle for about 100 seconds; nginx reads for 60',
    look: ({ stream }) => {
      const { listened, listenSeconds = 0 } = stream ?? {};
      const isStream = listened?.answer?.status === 200 && /event-stream/.test(listened.answer.headers['content-type'] ?? '');
      return isStream && listened.answer!.body === '' && listened.failure?.kind === 'timeout' && { weight: 'warning', what: `Nothing came on the server’s stream in ${listenSeconds} seconds: there is no keep-alive, or something on the way buffers it. What is idle for a minute or two is cut.`, remedy: REMEDY, evidence: [listened] };
    },
  },
];
