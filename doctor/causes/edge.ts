import { type Exchange, said } from '../exchange.ts';
import { exchangesOf, type Walk } from '../walk.ts';
import type { Cause } from './cause.ts';

/** Whether Cloudflare answered in the server's place, and with which of its own codes ("Cloudflare 1xxx errors", "5xx errors"). */
export function edgeError({ answer }: Exchange): number | undefined {
  if (!answer || answer.status < 400 || !isCloudflare(answer.headers)) return undefined;
  const code = /error code:? (\d{3,4})|<h1[^<>]*>\s*Error\s*(\d{3,4})|cf-error-code">(\d{3,4})|error_code"?:\s*"?(\d{4})/i.exec(answer.body);
  const named = code?.slice(1).find(Boolean);
  return named ? Number(named) : answer.status >= 520 && answer.status <= 530 ? answer.status : undefined;
}

const isCloudflare = (headers: Readonly<Record<string, string>>): boolean => 'cf-ray' in headers || /cloudflare/i.test(headers.server ?? '');

interface Words {
  readonly what: string;
  readonly remedy: string;
}

const tunnelGone: Words = {
  what: 'the name leads to a Cloudflare tunnel that no connector serves',
  remedy: 'Start cloudflared where the server runs. If the stack was removed, its tunnel and DNS record were left behind (they cannot be deleted while a connector is connected, and the next create then says 409): stop every cloudflared of it, delete the tunnel (Zero Trust → Networks → Tunnels) and the DNS record, then check that both are gone.',
};
const originDown: Words = { what: 'Cloudflare cannot connect to the server behind it', remedy: 'Start the server, and let Cloudflare’s addresses through its firewall.' };
const originTls: Words = { what: 'Cloudflare does not accept the TLS of the server behind it', remedy: 'Give the origin a valid certificate for the name (SSL/TLS → Origin Server), or correct the encryption mode.' };
const slow: Words = { what: 'the server behind Cloudflare did not answer within its limit of about 100 seconds', remedy: 'Answer sooner, or stream: send the headers at once and a keep-alive comment every 15 seconds.' };
const errors: Readonly<Record<number, Words>> = {
  1001: { what: 'Cloudflare does not know where the name leads', remedy: 'Create the proxied DNS record of the name again; if it points to a tunnel, to one that exists.' },
  1016: { what: 'the DNS record leads to a tunnel or origin that no longer exists', remedy: tunnelGone.remedy },
  1033: tunnelGone,
  502: { what: 'the tunnel’s connector cannot reach the server behind it', remedy: 'Start the server, and check the service URL of the tunnel’s public hostname.' },
  520: originDown, 521: originDown, 522: originDown, 523: originDown,
  525: originTls, 526: originTls,
  504: slow, 524: slow,
  530: tunnelGone,
};

const OTHER_EDGES = /\b(awselb|akamai|fastly|google frontend|sucuri|imperva|azure)/i;

const errorCause: Cause = {
  id: 'edge-error',
  step: 'challenge',
  source: 'Cloudflare 1xxx and 5xx errors; pulumi-cloudflare#1440',
  look: (walk) => {
    const first = new Map<number, ReturnType<typeof exchangesOf>[number]>();
    for (const entry of exchangesOf(walk)) {
      const code = edgeError(entry[1]);
      if (code !== undefined && errors[code] && !first.has(code)) first.set(code, entry);
    }
    return [...first].map(([code, [step, exchange]]) => ({ step, what: `Cloudflare answers in the server’s place with error ${code}: ${errors[code]!.what}.`, remedy: errors[code]!.remedy, evidence: [exchange] }));
  },
};

const blockCauses: Cause[] = [
  {
    id: 'agent-blocked',
    step: 'call',
    source: 'claude-ai-mcp#49, #75, #680, #872, #1061',
    look: (walk) => {
      const { challenge } = walk;
      const passed = challenge?.asAnyone.answer;
      if (!challenge || !passed || isRefused(challenge.asAnyone)) return undefined;
      const blocked = [
        ...(isRefused(challenge.opening) ? [{ step: 'challenge' as const, agent: walk.client.agents.discovery, exchange: challenge.opening }] : []),
        ...(isRefused(challenge.asCaller) && walk.client.agents.calls !== walk.client.agents.discovery ? [{ step: 'call' as const, agent: walk.client.agents.calls, exchange: challenge.asCaller }] : []),
      ];
      return blocked.map(({ step, agent, exchange }) => ({
        step,
        what: `The user agent \`${agent}\` is refused (${said(exchange)}), while the same request under another name gets ${passed.status}${step === 'call' ? `. Its discovery asks as \`${walk.client.agents.discovery}\` and passes: people sign in, and then no request with their token ever arrives` : ''}.`,
        remedy: remedyFor(exchange),
        evidence: [exchange, challenge.asAnyone],
      }));
    },
  },
  {
    id: 'documents-blocked',
    step: 'resource metadata',
    source: 'claude-ai-mcp#49',
    look: ({ client, resourceMetadata }) => {
      const refused = resourceMetadata?.tries.find((exchange) => isRefused(exchange) && exchange.ask.url === resourceMetadata.pathInserted.ask.url);
      if (!refused || isRefused(resourceMetadata!.pathInserted)) return undefined;
      return { what: `The metadata is refused to the user agent \`${client.agents.discovery}\` (${said(refused)}), and not to others.`, remedy: remedyFor(refused), evidence: [refused, resourceMetadata!.pathInserted] };
    },
  },
  {
    id: 'refuses-everyone',
    step: 'challenge',
    source: 'RFC 9110 §15.5.4',
    look: ({ challenge }) => {
      if (!challenge || !isRefused(challenge.asAnyone)) return undefined;
      const isChallenge = 'cf-mitigated' in (challenge.opening.answer?.headers ?? {});
      return {
        what: `Every request without a token is refused, by whatever name (${said(challenge.opening)})${isChallenge ? ', with a challenge that only browsers can pass' : ''}: no client gets as far as the sign-in.`,
        remedy: isChallenge ? 'Except the MCP path and /.well-known/ from the rule or setting that challenges (Security → Events names it).' : 'Answer 401 with WWW-Authenticate where a token is missing. If only known addresses may call, look from one of them: for Claude they are 160.79.104.0/21.',
        evidence: [challenge.opening],
      };
    },
  },
];

/** Refused by who is in front, not for want of a token. */
function isRefused({ answer, failure }: Exchange): boolean {
  if (!answer) return failure?.kind === 'reset';
  return 'cf-mitigated' in answer.headers || (answer.headers['www-authenticate'] === undefined && [402, 403, 406, 429, 451, 503].includes(answer.status));
}

function remedyFor({ answer }: Exchange): string {
  if (answer && isCloudflare(answer.headers)) return 'In the zone, switch off both “Block AI bots” (Security → Settings) and the crawler’s block under AI Crawl Control: a WAF skip rule is not enough. Security → Events shows what refused it.';
  const edge = OTHER_EDGES.exec(`${answer?.headers.server ?? ''} ${answer?.headers.via ?? ''}`)?.[0];
  return `Let the user agent through in what is in front of the server${edge ? ` (it calls itself ${edge})` : ''}: rules against bots, a WAF, or a list of user agents in the web server.`;
}

export const edgeCauses: Cause[] = [errorCause, ...blockCauses];

/** Whether it is who is in front that answered, and has been named. */
export const isEdgeBlocked = (walk: Walk): boolean => blockCauses.some(({ look }) => [look(walk) || []].flat().length > 0);
