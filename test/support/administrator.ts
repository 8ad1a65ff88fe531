import { execFileSync } from 'node:child_process';
import { containerOf } from './container.ts';

/** Where an administrator's work runs, and what it may say there. */
export interface Office {
  /** Keycloak's root inside the network. */
  readonly origin: string;
  /** Headers of a request to the admin API. */
  readonly admin: Record<string, string>;
  /** A client credentials token. */
  token(realm: string, clientId: string, clientSecret: string): Promise<string>;
}

/**
 * An administrator of Keycloak. The way in is the documented one for a lost applier secret: `recover.sh` makes the
 * bootstrap account again. The work runs in the server's container, since Keycloak's admin API is not public.
 */
export class Administrator {
  readonly #stack: string;
  readonly #account: { clientId: string; clientSecret: string };

  constructor(stack: string) {
    const keycloak = containerOf(stack, 'keycloak');
    execFileSync('docker', ['exec', keycloak, 'sh', '/opt/keycloak/recover.sh'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const variable = (name: string) => execFileSync('docker', ['exec', keycloak, 'printenv', name], { encoding: 'utf8' }).trim();
    this.#stack = stack;
    this.#account = { clientId: variable('KC_BOOTSTRAP_ADMIN_CLIENT_ID'), clientSecret: variable('KC_BOOTSTRAP_ADMIN_CLIENT_SECRET') };
  }

  /** @param work a function that knows nothing but its arguments: its text is what runs */
  run<Input, Output>(work: (office: Office, input: Input) => Promise<Output>, input: Input): Output {
    const script = [
      `const [account, input] = ${JSON.stringify([this.#account, input])};`,
      openOffice.toString(),
      `console.log(JSON.stringify((await (${work.toString()})(await openOffice(account), input)) ?? null));`,
    ].join('\n');
    return JSON.parse(execFileSync('docker', ['exec', '--interactive', containerOf(this.#stack, 'server'), 'node', '--input-type=module', '-'], { input: script, encoding: 'utf8' })) as Output;
  }

  /** The bootstrap account goes, by its own token. */
  leave(): void {
    this.run(async ({ origin, admin }, clientId) => {
      const [bootstrap] = (await (await fetch(`${origin}/admin/realms/master/clients?clientId=${clientId}`, { headers: admin })).json()) as { id: string }[];
      await fetch(`${origin}/admin/realms/master/clients/${bootstrap!.id}`, { method: 'DELETE', headers: admin });
    }, this.#account.clientId);
  }
}

async function openOffice({ clientId, clientSecret }: { clientId: string; clientSecret: string }): Promise<Office> {
  const origin = 'http://keycloak:8080/auth';
  const token = async (realm: string, id: string, secret: string) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret });
    const response = await fetch(`${origin}/realms/${realm}/protocol/openid-connect/token`, { method: 'POST', body });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  return { origin, token, admin: { authorization: `Bearer ${await token('master', clientId, clientSecret)}`, 'content-type': 'application/json' } };
}
