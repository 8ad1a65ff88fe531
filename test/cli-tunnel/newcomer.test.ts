import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../images/command.ts';
import { Newcomer } from '../support/newcomer.ts';
import { commandsOf } from '../support/readme.ts';
import { buildConnector } from '../tunnel/connector-image.ts';
import { authority, host, Internet, simulation, zone } from '../tunnel/internet.ts';

const newcomer = new Newcomer();
let internet: Internet;

/** As it is in the README, but for the names, and without the two lines for another machine. What it asks for comes on stdin, and the machine has no systemd. */
const here = (commands: string): string =>
  commands
    .replace(/^# These two for another machine than this one:\n.*\n.*\n/m, '')
    .replaceAll('mcp.example.org', host)
    .replaceAll('example.org', zone)
    .replaceAll('0123456789abcdef0123456789abcdef', internet.cloudflare.accountId)
    .replace(/(drawbridge:secrets\.cloudflare')\s+# asks for the API token$/m, '$1 <<< "$TOKEN"')
    .replace(/^npm run check-config/m, 'pulumi config set drawbridge:firewall none\n$&');

const typed = (commands: string) =>
  newcomer.type(here(commands), {
    TOKEN: internet.cloudflare.token,
    // Where the simulation is in place of Cloudflare, who signs for its names, and that nobody there remembers a name.
    CLOUDFLARE_BASE_URL: internet.cloudflare.api,
    NODE_EXTRA_CA_CERTS: join(newcomer.home, 'authority.pem'),
    DRAWBRIDGE_DNS_WAIT: '2',
    DRAWBRIDGE_BACKUP_PASSPHRASE: 'a passphrase for what is saved',
  });

describe('a newcomer with a zone at Cloudflare', { timeout: 900_000, retry: 0 }, () => {
  beforeAll(async () => {
    internet = await Internet.open();
    writeFileSync(join(newcomer.home, 'authority.pem'), authority().certificate);
    await buildConnector();
  }, 600_000);
  afterAll(async () => {
    await internet?.close();
    newcomer.leave();
  });

  it('has a server on the internet with the commands of the README, word for word, the last of which find nothing wrong with it', async () => {
    const printed = await typed(commandsOf('Tier 2 in ten minutes'));
    expect(printed).toContain(`https://${host}/mcp`);
    expect(printed).toMatch(/\d\d passed, 0 failed/);
  });

  it('takes it down with the commands of the README, word for word, and nothing of it is left, here or there', async () => {
    await typed(commandsOf('Taking it down'));
    expect(await run('docker', ['ps', '--all', '--quiet'])).toBe('');
    expect(await run('docker', ['volume', 'ls', '--quiet'])).toBe('');
    expect(await simulation<string[]>(internet.cloudflare, 'leftovers')).toEqual([]);
  });
});
