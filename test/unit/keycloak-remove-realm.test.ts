import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeRealm } from '../../keycloak/applier/remove-realm.ts';

const account = { clientId: 'drawbridge-previews', clientSecret: 's' };

/** A Keycloak with one realm, whose removals are answered like this, one after the other; after 204 and 500 the realm is gone. */
async function keycloak(answers: number[], accepts = true) {
  const asked: string[] = [];
  let there = true;
  const server = createServer((request, response) => {
    const send = (status: number, body: object) => void response.writeHead(status, { 'content-type': 'application/json' }).end(status === 204 ? undefined : JSON.stringify(body));
    if (request.url!.endsWith('/token')) return send(accepts ? 200 : 401, accepts ? { access_token: 't' } : { error: 'unauthorized_client' });
    asked.push(request.method!);
    if (request.method === 'GET') return there ? send(200, { realm: 'preview-x' }) : send(404, { error: 'Realm not found.' });
    const status = answers.shift()!;
    if (status !== 403) there = false;
    return send(status, { error: 'unknown_error' });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await new Promise((ready) => server.once('listening', ready));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`, asked };
}

describe('the removal of a realm', () => {
  it('says that it removed it, and the next one that there was nothing to remove', async () => {
    const { url } = await keycloak([204]);
    expect((await removeRealm(url, 'preview-x', account)).changes).toEqual(['removed realm preview-x']);
    expect((await removeRealm(url, 'preview-x', account)).changes).toEqual([]);
  });

  it('looks once more where the removal of a killed run, which goes on in Keycloak, gets in its way', async () => {
    const { url, asked } = await keycloak([500]);
    expect((await removeRealm(url, 'preview-x', account)).changes).toEqual([]);
    expect(asked).toEqual(['GET', 'DELETE', 'GET']);
  });

  it('fails at once where Keycloak refuses it, or the account', async () => {
    const refusing = await keycloak([403]);
    await expect(removeRealm(refusing.url, 'preview-x', account)).rejects.toThrow();
    expect(refusing.asked).toEqual(['GET', 'DELETE']);
    await expect(removeRealm((await keycloak([], false)).url, 'preview-x', account)).rejects.toThrow(/does not accept its client drawbridge-previews/);
  });
});
