import { spawn } from 'node:child_process';

/** Opens a URL in the user's browser, where there is a desktop; the URL has been printed as well. */
export function openInBrowser(url: string): void {
  if (!process.stderr.isTTY) return;
  // Of a page that a server named, only what is a URL of the web is handed to the system, and to no shell.
  if (!/^https?:$/.test(new URL(url).protocol)) return;
  const [program, ...args] = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }[process.platform as string] ?? ['xdg-open'];
  spawn(program!, [...args, url], { stdio: 'ignore', detached: true }).on('error', () => {}).unref();
}
