import type { Lines } from './blocks.ts';
import { responseHeaders } from './headers.ts';

/** What the front answers itself: as JSON for a program, as a page for a person at a browser. */
interface Answer {
  readonly status: number;
  readonly error: string;
  readonly description: string;
  /** For the person: what happened, and what to do. */
  readonly title: string;
  readonly advice: string;
  readonly headers?: readonly string[];
}

const answers: Readonly<Record<string, Answer>> = {
  not_from_there: {
    status: 403,
    error: 'address_not_allowed',
    description: 'Calls from this address are not allowed here.',
    title: 'Not from here',
    advice: 'This server takes calls from certain networks only. Ask who runs it to allow yours.',
  },
  missing: {
    status: 404,
    error: 'not_found',
    description: 'There is nothing at this path.',
    title: 'There is no such page',
    advice: 'If an app sent you here, close this page and start again from the app. An address for an app is added in the app, not opened in a browser.',
  },
  too_large: {
    status: 413,
    error: 'request_too_large',
    description: 'The request body is larger than this server accepts.',
    title: 'That was too much',
    advice: 'What was sent is larger than this server accepts. Go back and send less.',
  },
  too_many: {
    status: 429,
    error: 'too_many_requests',
    description: 'Too many registrations from this address. Try again in a minute.',
    title: 'Too many at once',
    advice: 'Too many apps are registering themselves from your address. Try again in a minute.',
    headers: ['add_header Retry-After 60 always;'],
  },
  unavailable: {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'Starting or being updated. Try again in a few seconds.',
    title: 'One moment',
    advice: 'Sign-in is starting or being updated. Reload this page in a few seconds. If that does not help, close it and start again from your app.',
    headers: ['add_header Retry-After 5 always;'],
  },
  // No Retry-After: the call may have been carried out.
  timed_out: {
    status: 504,
    error: 'timed_out',
    description: 'No answer in time.',
    title: 'That took too long',
    advice: 'Sign-in did not answer in time. Close this page and start again from your app.',
  },
};

// System colours, which the browser has for the light and for the dark.
const STYLE = ':root{color-scheme:light dark;font:100%/1.5 system-ui,sans-serif}body{max-width:28rem;margin:3rem auto;padding:0 1rem}';

/** Which form of an answer the client reads. */
export const answerMap: Lines = [['map $http_accept $answer_form {', 'default json;', '~text/html page;', '}']];

/**
 * What the front answers where there is no route, and in an upstream's place. An upstream's own error answers pass through untouched.
 * @param hsts whether to send Strict-Transport-Security
 */
export function errorAnswers(hsts: boolean): Lines {
  return [
    'error_page 403 @not_from_there_$answer_form;',
    'error_page 404 @missing_$answer_form;',
    'error_page 413 @too_large_$answer_form;',
    'error_page 429 @too_many_$answer_form;',
    'error_page 502 =503 @unavailable_$answer_form;',
    'error_page 504 @timed_out_$answer_form;',
    ...Object.entries(answers).flatMap(([name, answer]) => [location(`${name}_json`, answer, 'application/json', json(answer), hsts), location(`${name}_page`, answer, 'text/html', page(answer), hsts)]),
  ];
}

function location(name: string, { status, headers = [] }: Answer, type: string, body: string, hsts: boolean): Lines {
  return [`location @${name} {`, `default_type ${type};`, ...responseHeaders(hsts), ...headers, `return ${status} '${body}\\n';`, '}'];
}

function json({ error, description }: Answer): string {
  return JSON.stringify({ error, error_description: description });
}

function page({ title, advice }: Answer): string {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${STYLE}</style>`;
  return `<!doctype html><html lang="en"><head>${head}</head><body><main><h1>${title}</h1><p>${advice}</p></main></body></html>`;
}
