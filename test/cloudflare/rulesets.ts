import { type Answer, type Call, identifier, now, Refused, type Route, route } from './api.ts';
import type { Access, Permission } from './permissions.ts';
import type { Plan, Zones } from './zones.ts';

export interface Rule {
  id: string;
  ref: string;
  version: string;
  action: string;
  expression: string;
  description?: string;
  enabled: boolean;
  action_parameters?: object;
  last_updated: string;
}

export interface Ruleset {
  id: string;
  kind: string;
  phase: string;
  name: string;
  description: string;
  version: string;
  rules: Rule[];
  last_updated: string;
}

/** The phases that the simulation knows: who may write, what a rule may do, and how many there may be by plan. */
const PHASES: Record<string, { product: 'Cache Settings' | 'Zone WAF'; actions: string[]; limits: Record<Plan, number> }> = {
  http_request_cache_settings: { product: 'Cache Settings', actions: ['set_cache_settings'], limits: { free: 10, pro: 25, business: 50, enterprise: 300 } },
  http_request_firewall_custom: {
    product: 'Zone WAF',
    actions: ['block', 'challenge', 'js_challenge', 'log', 'managed_challenge', 'skip'],
    limits: { free: 5, pro: 20, business: 100, enterprise: 1000 },
  },
};

/** Codes as public threads have them, but for 20021, which stands for what is invalid otherwise. */
const invalid = (code: number, message: string, pointer: string) => new Refused(400, { code, message, source: { pointer } });

/** Rulesets of zones. At most one is the entry point of a phase (Ruleset Engine, "Phases"). */
export class Rulesets {
  readonly #rulesets = new Map<string, Ruleset[]>();
  readonly #zones: Zones;
  readonly routes: Route[];

  constructor(zones: Zones) {
    this.#zones = zones;
    const rulesets = '/zones/:zone/rulesets';
    const ruleset = `${rulesets}/:ruleset`;
    const entrypoint = `${rulesets}/phases/:phase/entrypoint`;
    const [read, write] = [this.#access('Read', 'Write'), this.#access('Write')];
    this.routes = [
      route(`GET ${rulesets}`, read, ({ at }) => ({ result: this.in(at.zone!).map(({ rules: _, ...head }) => head), result_info: { cursors: {} } })),
      route(`POST ${rulesets}`, write, (call) => this.#create(call)),
      route(`GET ${entrypoint}`, read, ({ at }) => ({ result: this.#entrypoint(at) })),
      route(`PUT ${entrypoint}`, write, (call) => (this.entrypoint(call.at.zone!, call.at.phase!) ? this.#replace(call) : this.#create({ ...call, body: { name: 'default', kind: 'zone', ...call.body, phase: call.at.phase } }))),
      route(`GET ${ruleset}`, read, ({ at }) => ({ result: this.#get(at) })),
      route(`PUT ${ruleset}`, write, (call) => this.#replace(call)),
      route(`DELETE ${ruleset}`, write, ({ at }) => {
        const gone = this.#get(at);
        this.#rulesets.set(at.zone!, this.in(at.zone!).filter((one) => one !== gone));
        return { status: 204 };
      }),
      route(`POST ${ruleset}/rules`, write, (call) => this.#addRule(call)),
      route(`PATCH ${ruleset}/rules/:rule`, write, (call) => this.#editRule(call)),
      route(`DELETE ${ruleset}/rules/:rule`, write, ({ at }) => this.#write(at.zone!, this.#get(at), this.#get(at).rules.filter((rule) => rule !== this.#rule(at)))),
    ];
  }

  in(zone: string): Ruleset[] {
    return this.#rulesets.get(zone) ?? [];
  }

  entrypoint(zone: string, phase: string): Ruleset | undefined {
    return this.in(zone).find((one) => one.phase === phase);
  }

  /** What it takes is known by the phase, which the path, the body or the ruleset names; the list shows what one may read. */
  #access(...kinds: ('Read' | 'Write')[]): Access {
    const accepts = ({ at, body }: Call): Permission[] => {
      const phase = at.phase ?? (at.ruleset ? this.in(at.zone!).find(({ id }) => id === at.ruleset)?.phase : body.phase);
      const products = typeof phase === 'string' && phase in PHASES ? [PHASES[phase]!.product] : (['Cache Settings', 'Zone WAF'] as const);
      return products.flatMap((product) => kinds.map((kind) => `${product} ${kind}` as const));
    };
    return { accepts, unknown: new Refused(401, { code: 10000, message: 'Authentication error' }), denied: new Refused(403, { message: 'request is not authorized' }) };
  }

  #get(at: Call['at']): Ruleset {
    if (at.phase) return this.#entrypoint(at);
    const ruleset = this.in(at.zone!).find(({ id }) => id === at.ruleset);
    if (!ruleset) throw new Refused(404, { code: 10003, message: `could not find ruleset ${at.ruleset}` });
    return ruleset;
  }

  #entrypoint({ zone, phase }: Call['at']): Ruleset {
    const ruleset = this.entrypoint(zone!, phase!);
    if (!ruleset) throw new Refused(404, { code: 10003, message: `could not find entrypoint ruleset in the ${phase} phase` });
    return ruleset;
  }

  #rule(at: Call['at']): Rule {
    const rule = this.#get(at).rules.find(({ id }) => id === at.rule);
    if (!rule) throw new Refused(404, { code: 10003, message: `could not find rule ${at.rule}` });
    return rule;
  }

  #create({ at, body }: Call): Answer {
    const { kind, phase } = body as { kind: string; phase: string };
    if (kind !== 'zone') throw invalid(20021, `'${kind}' is not a valid value for kind`, '/kind');
    if (!PHASES[phase]) throw invalid(20021, `'${phase}' is not a valid value for phase`, '/phase');
    if (this.entrypoint(at.zone!, phase)) throw invalid(20217, `'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase ${phase}`, '/kind');
    const ruleset: Ruleset = { id: identifier(), kind, phase, name: String(body.name), description: String(body.description ?? ''), version: '0', rules: [], last_updated: now() };
    const answer = this.#write(at.zone!, ruleset, this.#rules(ruleset, body.rules));
    this.#rulesets.set(at.zone!, [...this.in(at.zone!), ruleset]);
    return answer;
  }

  /** Overwrites all rules: what the body leaves out is gone. */
  #replace({ at, body }: Call): Answer {
    const ruleset = this.#get(at);
    const rules = this.#rules(ruleset, body.rules);
    if (body.description !== undefined) ruleset.description = String(body.description);
    return this.#write(at.zone!, ruleset, rules);
  }

  #addRule({ at, body: { position, ...body } }: Call): Answer {
    const ruleset = this.#get(at);
    return this.#write(at.zone!, ruleset, this.#placed(ruleset.rules, this.#made(body, undefined), position));
  }

  #editRule({ at, body: { position, ...body } }: Call): Answer {
    const ruleset = this.#get(at);
    const old = this.#rule(at);
    const changed = this.#made({ ...old, ...body }, old);
    const rules = position ? this.#placed(ruleset.rules.filter((rule) => rule !== old), changed, position) : ruleset.rules.map((rule) => (rule === old ? changed : rule));
    return this.#write(at.zone!, ruleset, rules);
  }

  #placed(rules: Rule[], rule: Rule, position: unknown): Rule[] {
    const { index, before, after } = (position ?? {}) as { index?: number; before?: string; after?: string };
    const place = index !== undefined ? index - 1 : before !== undefined ? rules.findIndex(({ id }) => id === before) : after !== undefined ? rules.findIndex(({ id }) => id === after) + 1 : rules.length;
    return rules.toSpliced(place, 0, rule);
  }

  /** A rule is the one before by its id, or by the reference that its author gave it. */
  #rules(ruleset: Ruleset, rules: unknown): Rule[] {
    return ((rules ?? []) as Partial<Rule>[]).map((rule) => this.#made(rule, ruleset.rules.find(({ id, ref }) => id === rule.id || (rule.ref !== undefined && ref === rule.ref))));
  }

  #made(rule: Partial<Rule>, old: Rule | undefined): Rule {
    const id = old?.id ?? identifier();
    return { ...rule, id, ref: rule.ref ?? old?.ref ?? id, version: String(Number(old?.version ?? 0) + 1), action: String(rule.action), expression: String(rule.expression), enabled: rule.enabled ?? true, last_updated: now() };
  }

  #write(zone: string, ruleset: Ruleset, rules: Rule[]): Answer {
    const { plan: { legacy_id: plan } } = this.#zones.get(zone);
    const { actions, limits } = PHASES[ruleset.phase]!;
    for (const [index, { action, expression }] of rules.entries()) {
      if (!actions.includes(action)) throw invalid(20021, `'${action}' is not a valid value for action`, `/rules/${index}/action`);
      // The plans below Business have no regular expressions (Rules language, "Operators").
      if (/\s(matches|~)\s/.test(expression) && (plan === 'free' || plan === 'pro')) throw invalid(20127, 'not entitled: the use of operator Matches is not allowed, a Business plan or a WAF Advanced plan is required', `/rules/${index}/expression`);
    }
    if (rules.length > limits[plan]) throw invalid(50001, `exceeded the maximum number of rules in the phase ${ruleset.phase}: ${rules.length} out of ${limits[plan]}`, '/rules');
    Object.assign(ruleset, { rules, version: String(Number(ruleset.version) + 1), last_updated: now() });
    return { result: ruleset };
  }
}
