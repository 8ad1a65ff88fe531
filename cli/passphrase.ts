/** What to do where Pulumi lacks its passphrase, by what it said on stderr. It asks people for it, and nobody whose output is read. */
export const passphraseNeeded = (said: string): string[] =>
  /passphrase must be set/.test(said) ? ['Pulumi asks you for its passphrase, and cannot ask a command of ours: export PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE, and run this again.'] : [];
