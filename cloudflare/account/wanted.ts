/** What one stack wants of an account. */
export interface Wanted {
  readonly stack: string;
  readonly accountId: string;
  readonly zone: string;
  /** Its public names. */
  readonly hosts: readonly string[];
  readonly tier: 'host' | 'tunnel';
  readonly adoptDns: boolean;
  readonly manageBotSettings: boolean;
  /** Whether a rule of the zone's firewall says who may call. */
  readonly rules: boolean;
}
