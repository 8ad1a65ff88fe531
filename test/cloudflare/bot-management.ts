import type { BotFightModeConfiguration, SubscriptionConfiguration, SuperBotFightModeDefinitelyConfiguration, SuperBotFightModeLikelyConfiguration } from 'cloudflare/resources/bot-management/bot-management';
import { type Call, Refused, type Route, route } from './api.ts';
import { access } from './permissions.ts';
import type { Plan, Zones } from './zones.ts';

type Writable<Configuration> = Required<Omit<Configuration, 'stale_zone_configuration' | 'using_latest_model' | 'ai_bots_migration_opt_out'>>;
type Common = keyof Writable<BotFightModeConfiguration> & keyof Writable<SubscriptionConfiguration>;

/** A zone's settings; which there are depends on the plan. */
export type BotSettings = Partial<Writable<BotFightModeConfiguration & SubscriptionConfiguration & SuperBotFightModeLikelyConfiguration>>;

/** A new zone blocks AI bots, as it does since July 2025. */
const common: Pick<Writable<BotFightModeConfiguration>, Common> = {
  ai_bots_protection: 'block',
  ai_search: 'disabled',
  ai_training: 'disabled',
  ai_user: 'disabled',
  bot_preference_sync_enabled: false,
  cf_robots_variant: 'off',
  content_bots_protection: 'disabled',
  crawler_protection: 'disabled',
  enable_js: false,
  is_robots_txt_managed: false,
  jsd_api_results_enabled: false,
};

const definitely: Writable<SuperBotFightModeDefinitelyConfiguration> = {
  ...common,
  optimize_wordpress: false,
  sbfm_definitely_automated: 'allow',
  sbfm_static_resource_protection: false,
  sbfm_verified_bots: 'allow',
};

/** Bots, "Plans": Bot Fight Mode, Super Bot Fight Mode with one or two kinds of traffic, Bot Management. */
const BY_PLAN = {
  free: { ...common, fight_mode: false } satisfies Writable<BotFightModeConfiguration>,
  pro: definitely,
  business: { ...definitely, sbfm_likely_automated: 'allow' } satisfies Writable<SuperBotFightModeLikelyConfiguration>,
  enterprise: { ...common, auto_update_model: true, bm_cookie_enabled: true, suppress_session_score: false } satisfies Writable<SubscriptionConfiguration>,
} satisfies Record<Plan, BotSettings>;

/** The bot settings of zones, one set for the whole zone. */
export class BotManagement {
  readonly #settings = new Map<string, BotSettings>();
  readonly #zones: Zones;
  readonly routes: Route[];

  constructor(zones: Zones) {
    this.#zones = zones;
    this.routes = [
      route('GET /zones/:zone/bot_management', access.bots.read, ({ at }) => ({ result: this.#described(at.zone!) })),
      route('PUT /zones/:zone/bot_management', access.bots.write, (call) => this.#update(call)),
    ];
  }

  /** What applies in a zone, by its id. */
  in(zone: string): BotSettings {
    return this.#settings.get(zone) ?? this.defaults(zone);
  }

  /** What a new zone of this plan has. */
  defaults(zone: string): BotSettings {
    return BY_PLAN[this.#zones.get(zone).plan.legacy_id];
  }

  #described(zone: string) {
    return { ...this.in(zone), using_latest_model: true };
  }

  /** Changes what the body names and leaves the rest, although it is a PUT. */
  #update({ at, body }: Call) {
    const { using_latest_model: _, ...wanted } = body;
    const foreign = Object.keys(wanted).find((key) => !(key in this.defaults(at.zone!)));
    // Cloudflare's words begin like this; its code is not published.
    if (foreign) throw new Refused(400, { code: 1000, message: `zone not entitled to disable ${foreign}` });
    this.#settings.set(at.zone!, { ...this.in(at.zone!), ...wanted });
    return { result: this.#described(at.zone!) };
  }
}
