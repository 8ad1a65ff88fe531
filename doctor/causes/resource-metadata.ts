import { atRoot, pathInserted } from '../clients/client.ts';
import { type Exchange, jsonOf, said } from '../exchange.ts';
import type { Cause } from './cause.ts';
import { lacksCors, seconds, withoutSlashes } from './judging.ts';

export const resourceMetadataCauses: Cause[] = [
  {
    id: 'root-named',
    step: 'resource metadata',
    source: 'claude-ai-mcp#690; RFC 9728 §3.1',
    look: ({ challenge, resourceMetadata, resource, client }) => {
      const url = new URL(resource);
      if (!resourceMetadata || !client.stopsAtRoot || challenge?.bearer?.resource_metadata !== atRoot(url) || pathInserted(url) === atRoot(url)) return undefined;
      const { pathInserted: proper } = resourceMetadata;
      const missing = proper.answer?.status !== 200 || !jsonOf(proper);
      return {
        what: `The 401 names the metadata of the whole host (${atRoot(url)}) for a server with a path${missing ? `, and there is none at ${proper.ask.url} (${proper.answer?.status ?? proper.failure?.code})` : ''}: this client’s discovery stops there without a word.`,
        remedy: `Name ${proper.ask.url} in the 401, and serve both.`,
        evidence: [challenge.opening, proper],
      };
    },
  },
  {
    id: 'resource-metadata-http',
    step: 'resource metadata',
    source: 'RFC 9728 §3',
    look: ({ challenge, resource }) => {
      const named = challenge?.bearer?.resource_metadata;
      return named?.startsWith('http:') === true && resource.startsWith('https:') && { what: `The 401 names the metadata with http: (${named}), although the server is on HTTPS.`, remedy: 'Tell the server its public URL, or have the front send X-Forwarded-Proto and the server trust it.', evidence: [challenge!.opening] };
    },
  },
  {
    id: 'resource-metadata-missing',
    step: 'resource metadata',
    source: 'RFC 9728 §3; MCP authorization',
    look: ({ resourceMetadata, serverMetadata }) => {
      if (!resourceMetadata || resourceMetadata.found) return undefined;
      const { tries, pathInserted: proper } = resourceMetadata;
      const pages = tries.some(({ answer }) => answer?.status === 200);
      const fallback = serverMetadata?.document !== undefined;
      const elsewhere = proper.answer?.status === 200 && jsonOf(proper) && !tries.some(({ ask }) => ask.url === proper.ask.url);
      return {
        weight: fallback ? 'warning' : 'failure',
        what: `There is no protected resource metadata where this client looks: ${tries.map(said).join('; ')}${pages ? '; what is answered with 200 is no JSON, so another program answers for the path' : ''}${elsewhere ? `. It is at ${proper.ask.url}` : ''}${fallback ? '. Clients fall back to the authorization server on the MCP host, as before 2025-06-18' : ''}.`,
        remedy: `Serve it at ${proper.ask.url}, without a token, and name that in the 401.`,
        evidence: tries,
      };
    },
  },
  {
    id: 'resource-metadata-invalid',
    step: 'resource metadata',
    source: 'RFC 9728 §2',
    look: ({ resourceMetadata }) => resourceMetadata !== undefined && resourceMetadata.problems.length > 0 && { what: `The protected resource metadata lacks what clients need: ${resourceMetadata.problems.join('; ')}.`, remedy: 'It needs `resource`, the URL of the MCP server, and `authorization_servers`, a list of issuers.', evidence: [resourceMetadata.found] },
  },
  {
    id: 'resource-differs',
    step: 'resource metadata',
    source: 'RFC 9728 §3.3; claude.com/docs/connectors; microsoft/vscode#262278',
    look: ({ resourceMetadata, resource, client }) => {
      const described = resourceMetadata?.document?.resource;
      if (described === undefined || isSame(described, resource, client.comparesResource)) return undefined;
      const slash = withoutSlashes(described) === withoutSlashes(resource) ? ' They differ in a slash at the end.' : '';
      return { what: `The metadata says that its resource is \`${described}\`; the client asked \`${resource}\`.${slash} What is not the same is not used.`, remedy: `Make \`resource\` of the metadata \`${withoutSlashes(resource)}\`, byte for byte, and the audience of tokens the same; or give people the URL that it names.`, evidence: [resourceMetadata!.found] };
    },
  },
  {
    id: 'discovery-slow',
    step: 'resource metadata',
    source: 'claude.com/docs/connectors: discovery within 10 seconds',
    look: ({ resourceMetadata, serverMetadata, client }) => {
      const slow = (exchanges: readonly Exchange[] = []) => exchanges.find(({ milliseconds, answer }) => answer && milliseconds > (client.patience ?? Infinity));
      const late = slow(resourceMetadata?.tries) ?? slow(serverMetadata?.tries);
      return late && { step: resourceMetadata!.tries.includes(late) ? 'resource metadata' : 'server metadata', what: `${late.ask.url} took ${seconds(late.milliseconds)}; this client gives up after ${client.patience! / 1000} seconds.`, remedy: 'Serve metadata from memory; see what it waits for.', evidence: [late] };
    },
  },
  {
    id: 'resource-metadata-cors',
    step: 'resource metadata',
    source: 'Fetch, CORS protocol',
    look: ({ resourceMetadata, client }) => lacksCors(resourceMetadata?.found, client.origin) && { what: 'The protected resource metadata has no Access-Control-Allow-Origin: a page in a browser cannot read it.', remedy: 'Answer it with Access-Control-Allow-Origin: *; it is public.', evidence: [resourceMetadata!.found] },
  },
];

function isSame(described: string, resource: string, how: 'exactly' | 'prefix'): boolean {
  // Of an origin alone, `https://host` and `https://host/` are the same URL (RFC 3986 §6.2.3).
  if (described === resource || (URL.canParse(described) && new URL(described).pathname === '/' && new URL(described).href === new URL(resource).href)) return true;
  if (how === 'exactly' || !URL.canParse(described)) return false;
  const [configured, requested] = [new URL(described), new URL(resource)];
  const path = (url: URL) => (url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`);
  return configured.origin === requested.origin && path(requested).startsWith(path(configured));
}
