import * as z from 'zod';
import { type Client, pathInserted } from '../clients/client.ts';
import { type Exchange, jsonOf } from '../exchange.ts';
import { getJson, ofPage, PLAIN_AGENT, type Scene } from '../scene.ts';

/** RFC 9728 §2, as far as clients need it. */
const documentSchema = z.looseObject({ resource: z.string(), authorization_servers: z.array(z.url({ protocol: /^https?$/ })).min(1), scopes_supported: z.array(z.string()).optional() });
export type ResourceDocument = z.infer<typeof documentSchema>;

export interface ResourceMetadata {
  /** In the client's order, up to the first that is there. */
  readonly tries: readonly Exchange[];
  readonly found?: Exchange;
  readonly document?: ResourceDocument;
  /** What is wrong with what was found, in words. */
  readonly problems: readonly string[];
  /** At the URL of RFC 9728 §3.1, whether or not the client looks there. */
  readonly pathInserted: Exchange;
}

export async function resourceMetadata(scene: Scene, client: Client, resource: string, named: string | undefined): Promise<ResourceMetadata> {
  const proper = getJson(scene, pathInserted(new URL(resource)), PLAIN_AGENT);
  const tries: Exchange[] = [];
  for (const url of client.resourceMetadata(readable(named), new URL(resource))) {
    tries.push(await getJson(scene, url, client.agents.discovery, ofPage(client)));
    if (jsonOf(tries.at(-1)!) && tries.at(-1)!.answer!.status === 200) break;
  }
  const found = tries.find((exchange) => exchange.answer?.status === 200 && jsonOf(exchange));
  const parsed = found && documentSchema.safeParse(jsonOf(found));
  return {
    tries,
    found,
    document: parsed?.data,
    problems: parsed?.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [],
    pathInserted: await proper,
  };
}

const readable = (named: string | undefined): string | undefined => (named !== undefined && /^https?:/.test(named) && URL.canParse(named) ? named : undefined);
