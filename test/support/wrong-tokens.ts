import { execFileSync } from 'node:child_process';

/** Access tokens that Keycloak itself signed, each wrong in one way. */
export interface WronglyIssued {
  audience: string;
  issuer: string;
  expired: string;
}

/**
 * Has Keycloak sign them. The administrator's way is the documented one for a lost applier secret: `recover.sh` makes the
 * bootstrap account again. The requests run in the server's container, since Keycloak's admin API is not public.
 */
export async function issueWrongTokens(stack: string, resource: string): Promise<WronglyIssued> {
  const keycloak = `drawbridge-${stack}-keycloak`;
  execFileSync('docker', ['exec', keycloak, 'sh', '/opt/keycloak/recover.sh'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const variable = (name: string) => execFileSync('docker', ['exec', keycloak, 'printenv', name], { encoding: 'utf8' }).trim();
  const input = { resource, clientId: variable('KC_BOOTSTRAP_ADMIN_CLIENT_ID'), clientSecret: variable('KC_BOOTSTRAP_ADMIN_CLIENT_SECRET') };
  const script = `const input = ${JSON.stringify(input)};\n${insideTheNetwork.toString()}\nconsole.log(JSON.stringify(await insideTheNetwork(input)));`;
  const printed = execFileSync('docker', ['exec', '--interactive', `drawbridge-${stack}-server`, 'node', '--input-type=module', '-'], { input: script, encoding: 'utf8' });
  return JSON.parse(printed) as WronglyIssued;
}

async function insideTheNetwork({ resource, clientId, clientSecret }: { resource: string; clientId: string; clientSecret: string }): Promise<WronglyIssued> {
  const origin = 'http://keycloak:8080/auth';
  const token = async (realm: string, id: string, secret: string) => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret });
    const response = await fetch(`${origin}/realms/${realm}/protocol/openid-connect/token`, { method: 'POST', body });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const admin = { authorization: `Bearer ${await token('master', clientId, clientSecret)}`, 'content-type': 'application/json' };
  const created: string[] = [];
  const client = async (realm: string, audience: string, lifespan: number) => {
    const response = await fetch(`${origin}/admin/realms/${realm}/clients`, {
      method: 'POST',
      headers: admin,
      body: JSON.stringify({
        clientId: `wrong-${created.length}`,
        secret: 'only for this test',
        serviceAccountsEnabled: true,
        standardFlowEnabled: false,
        defaultClientScopes: ['basic'],
        attributes: { 'access.token.lifespan': String(lifespan) },
        protocolMappers: [{ name: 'audience', protocol: 'openid-connect', protocolMapper: 'oidc-audience-mapper', config: { 'included.custom.audience': audience, 'access.token.claim': 'true' } }],
      }),
    });
    if (response.status !== 201) throw new Error(`client in ${realm}: ${response.status} ${await response.text()}`);
    created.push(response.headers.get('location')!);
    return token(realm, `wrong-${created.length - 1}`, 'only for this test');
  };
  const expired = await client('main', resource, 1);
  const wrong = { expired, audience: await client('main', `${resource}/other`, 60), issuer: await client('master', resource, 60) };
  for (const location of created) await fetch(`${origin}${new URL(location).pathname.replace(/^\/auth/, '')}`, { method: 'DELETE', headers: admin });
  // The bootstrap account goes last, by its own token.
  const [bootstrap] = (await (await fetch(`${origin}/admin/realms/master/clients?clientId=${clientId}`, { headers: admin })).json()) as { id: string }[];
  await fetch(`${origin}/admin/realms/master/clients/${bootstrap!.id}`, { method: 'DELETE', headers: admin });
  // Past the expiry and the verifier's tolerance for clocks that disagree.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  return wrong;
}
