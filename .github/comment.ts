// Prints the comment of a pull request's preview, as Markdown: node .github/comment.ts preview.json verify.json
// The two files are what `npm run preview -- up --json` and `npm run verify -- --json` printed. Of secrets nothing is printed: anybody may read a comment.
import { readFileSync } from 'node:fs';

interface Preview {
  name: string;
  url: string;
  /** ISO 8601; null where it is kept. */
  expires: string | null;
}

interface Report {
  ok: boolean;
  looked: readonly { host: string; where: string }[];
  checks: readonly { area: string; check: string; result: 'passed' | 'failed' | 'not looked at'; reason?: string; expected?: string; found?: string; remedy?: string }[];
}

/** @param report undefined where verify did not come to its end */
export function comment({ name, url, expires }: Preview, report: Report | undefined): string {
  return [
    `### Preview \`${name}\``,
    '',
    `| URL for a client | \`${url}\` |`,
    '|---|---|',
    `| gone | ${expires === null ? 'when the pull request is closed' : `when the pull request is closed, or after ${expires.slice(0, 16).replace('T', ' ')} UTC`} |`,
    `| verified | ${report ? verdict(report) : 'no: `verify` did not come to its end, the log of this run says why'} |`,
    ...(report ? failures(report) : []),
    '',
  ].join('\n');
}

function verdict({ ok, checks, looked }: Report): string {
  const count = (result: string) => checks.filter((check) => check.result === result).length;
  const others = count('not looked at');
  const from = [...new Set(looked.map(({ where }) => where))].join(', ');
  return `${ok ? 'yes' : '**no**'}: ${count('passed')} passed, ${count('failed')} failed${others > 0 ? `, ${others} not looked at` : ''} (from: ${from})`;
}

const failures = ({ checks }: Report): string[] =>
  checks.filter(({ result }) => result === 'failed').flatMap(({ area, check, expected, found, remedy }) => ['', `**${plain(`${area} ${check}`.trim())}**`, '', `- expected: ${code(expected)}`, `- found: ${code(found)}`, `- to do: ${plain(remedy)}`]);

/** What a server said could be Markdown, and mention people, which a backslash keeps nobody from: a space of no width does. */
const plain = (text = ''): string => text.replace(/[\\`*_[\]<>|!~&]/g, '\\$&').replace(/[@#]|:\/\/|www\./g, '$&\u200B').replace(/\s+/g, ' ');
const code = (text = ''): string => `\`${text.replaceAll('`', 'ˋ').replace(/\s+/g, ' ').slice(0, 500)}\``;

function read<Content>(file: string): Content | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Content;
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const [previewFile = 'preview.json', verifyFile = 'verify.json'] = process.argv.slice(2);
  const preview = read<Preview>(previewFile);
  if (!preview) throw new Error(`${previewFile} is not what \`npm run preview -- up --json\` prints.`);
  process.stdout.write(comment(preview, read<Report>(verifyFile)));
}
