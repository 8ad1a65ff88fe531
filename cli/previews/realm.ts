import { Agent, fetch } from 'undici';
import { getCACertificates } from 'node:tls';
import { metadataUrls } from '../../infra/endpoints.ts';
import { readCaCertificate } from '../ca-certificate.ts';
import { CommandError } from '../errors.ts';
import { listStack } from '../docker.ts';
import { objectName } from '../stack-name.ts';

/** In milliseconds. */
const PATIENCE = 15_000;

/**
 * Whether a realm is there, as everybody sees it: its metadata is answered by the front of the stack whose Keycloak it is in.
 * @throws CommandError where that cannot be told
 */
export async function realmStands(issuer: string, stack: string): Promise<boolean> {
  const [url] = metadataUrls(issuer);
  const ca = await readCaCertificate(stack);
  const dispatcher = new Agent({ connect: { ca: [...getCACertificates('default'), ...(ca ? [ca] : [])] } });
  try {
    const { status } = await fetch(url!, { dispatcher, signal: AbortSignal.timeout(PATIENCE) });
    if (status === 200 || status === 404) return status === 200;
    throw new CommandError(`Whether the realm ${issuer} is there cannot be told: ${url} answers ${status}.`, [`\`npm run status -- --stack ${stack}\` says what is wrong there; then run this again.`]);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    // Without its Keycloak there is no realm either.
    if (!(await listStack(stack, [undefined])).containers.includes(objectName(stack, 'keycloak'))) return false;
    throw new CommandError(`Whether the realm ${issuer} is there cannot be told: ${url} does not answer.`, [`\`npm run status -- --stack ${stack}\` says what is wrong there; then run this again.`]);
  } finally {
    await dispatcher.close();
  }
}
