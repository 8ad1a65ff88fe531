import { Administrator, type Office } from './administrator.ts';

/** Access tokens that Keycloak itself signed, each wrong in one way. */
export interface WronglyIssued {
  audience: string;
  issuer: string;
  expired: string;
}

/** Has Keycloak sign them, for each resource. */
export function issueWrongTokens(stack: string, resources: readonly string[]): Record<string, WronglyIssued> {
  const administrator = new Administrator(stack);
  try {
    return administrator.run(signWrong, resources);
  } finally {
    administrator.leave();
  }
}

async function signWrong({ origin, admin, token }: Office, resources: readonly string[]): Promise<Record<string, WronglyIssued>> {
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
  const wrong: Record<string, WronglyIssued> = {};
  for (const resource of resources) wrong[resource] = { expired: await client('main', resource, 1), audience: await client('main', `${resource}/other`, 120), issuer: await client('master', resource, 120) };
  for (const location of created) await fetch(`${origin}${new URL(location).pathname.replace(/^\/auth/, '')}`, { method: 'DELETE', headers: admin });
  // Past the expiry and the verifier's tolerance for clocks that disagree.
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  return wrong;
}
