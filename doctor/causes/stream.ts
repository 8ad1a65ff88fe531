import { said } from '../exchange.ts';
import { repliesOf } from '../messages.ts';
import type { Cause } from './cause.ts';
import { seconds } from './judging.ts';

const REMEDY = 'In the front: buffering off on the MCP path (nginx: `proxy_buffering off`, or `X-Accel-Buffering: no` from the server), no compression of event streams, a read timeout of 330 seconds or more, and a keep-alive comment from the server every 15 seconds.';

export const streamCauses: Cause[] = [
  {
    id: 'stream-cut',
    step: 'stream',
    source: 'mcp-go#162; Cloudflare cuts streams idle for about 100 seconds',
    look: ({ stream }) => {
      const { called } = stream ?? {};
      const stalled = called && ([408, 502, 504, 524].includes(called.answer?.status ?? 0) || called.failure !== undefined);
      return stalled && { what: `A call was cut off after ${seconds(called.milliseconds)}: ${said(called)}.`, remedy: REMEDY, evidence: [called] };
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
      const [error] = stream?.called ? repliesOf(stream.called).flatMap((reply) => reply.error ?? []) : [];
      return error && { weight: 'warning', what: `The tool that was named could not be called: JSON-RPC error ${error.code}${error.message ? ` (${error.message})` : ''}.`, remedy: 'Name a tool of the server that needs no more arguments than were given, best one with progress.', evidence: [stream!.called] };
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
