import type { Weight } from './causes/cause.ts';
import { causes } from './causes/index.ts';
import type { ClientName } from './clients/client.ts';
import { clean, type Evidence, evidenceOf } from './evidence.ts';
import { type Step, stepNames, type Walk } from './walk.ts';

export interface Finding {
  readonly id: string;
  readonly step: Step;
  readonly weight: Weight;
  readonly what: string;
  /** One, or one for each client where they differ. */
  readonly remedies: readonly string[];
  /** Where it was seen in the field, or which rule it breaks. */
  readonly source: string;
  readonly clients: readonly ClientName[];
  readonly evidence: readonly Evidence[];
}

/** How one client would fare. */
export interface Verdict {
  readonly client: ClientName;
  readonly title: string;
  readonly connects: boolean;
  /** Where it fails first, and why. */
  readonly step?: Step;
  readonly why?: string;
  /** The protocol version of its conversation, where there was one. */
  readonly protocol?: string;
}

/** What of the walks is wrong: in the order of steps, failures first, each said once with the clients it concerns. */
export function findingsOf(walks: readonly Walk[], secrets: readonly string[]): Finding[] {
  const findings = new Map<string, Finding>();
  for (const walk of walks)
    for (const cause of causes)
      for (const { what, remedy, weight = 'failure', evidence, step = cause.step } of [cause.look(walk) || []].flat()) {
        const key = JSON.stringify([cause.id, step, what, weight]);
        const before = findings.get(key);
        const shown = before?.evidence ?? [...new Set(evidence)].flatMap((exchange) => (exchange ? [evidenceOf(exchange, secrets)] : []));
        findings.set(key, { id: cause.id, step, weight, what: clean(what, secrets), remedies: [...new Set([...(before?.remedies ?? []), clean(remedy, secrets)])], source: cause.source, clients: [...(before?.clients ?? []), walk.client.name], evidence: shown });
      }
  const rank = ({ weight, step }: Finding) => weights.indexOf(weight) * stepNames.length + stepNames.indexOf(step);
  return [...findings.values()].sort((a, b) => rank(a) - rank(b));
}

const weights: readonly Weight[] = ['failure', 'warning', 'note'];

export function verdictsOf(walks: readonly Walk[], findings: readonly Finding[]): Verdict[] {
  return walks.map(({ client: { name, title }, call }) => {
    const first = findings.find(({ weight, clients }) => weight === 'failure' && clients.includes(name));
    return { client: name, title, connects: first === undefined, ...(first && { step: first.step, why: first.what }), ...(call?.version && { protocol: call.version }) };
  });
}
