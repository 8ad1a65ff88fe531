import type { Lines } from './blocks.ts';
import { responseHeaders } from './headers.ts';

// A person at a browser reads a page, a program reads JSON.
export const answerMap: Lines = [['map $http_accept $unavailable {', 'default @unavailable;', '~text/html @unavailable_page;', '}']];

/**
 * What the front answers in an upstream's place. An upstream's own error answers pass through untouched.
 * @param hsts whether to send Strict-Transport-Security
 */
export function errorAnswers(hsts: boolean): Lines {
  const later = [...responseHeaders(hsts), 'add_header Retry-After 5 always;'];
  return [
    'error_page 413 @too_large;',
    'error_page 502 =503 $unavailable;',
    'error_page 504 @timed_out;',
    jsonAnswer('@too_large', 413, 'request_too_large', 'The request body is larger than this server accepts.'),
    jsonAnswer('@unavailable', 503, 'temporarily_unavailable', 'Starting or being updated. Try again in a few seconds.', later),
    [
      'location @unavailable_page {',
      'default_type text/html;',
      ...later,
      `return 503 '<!doctype html><title>One moment</title><h1>One moment</h1><p>Sign-in is starting or being updated. Try again in a few seconds.</p>\\n';`,
      '}',
    ],
    // No Retry-After: the call may have been carried out.
    jsonAnswer('@timed_out', 504, 'timed_out', 'No answer in time.'),
  ];
}

function jsonAnswer(name: string, status: number, error: string, description: string, headers: readonly string[] = []): Lines {
  return [`location ${name} {`, 'default_type application/json;', ...headers, `return ${status} '${JSON.stringify({ error, error_description: description })}\\n';`, '}'];
}
