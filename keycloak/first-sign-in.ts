export interface FirstSignIn {
  /** Name of the flow. */
  readonly flow: string;
  /** Requirement by authenticator, or by name of a part of the flow. */
  readonly steps: Readonly<Record<string, string>>;
  /** What Keycloak may ask of people once they are signed in: whether it does. */
  readonly requiredActions: Readonly<Record<string, boolean>>;
}

/**
 * What happens when somebody comes from an identity provider for the first time: Keycloak's own flow, which has all it
 * takes and whose steps nobody can add to, with the requirement of each. Who is new gets an account. Who has the name or
 * the address of an account that is there must sign in to that account, second factor included, before the two are
 * linked; what the provider says of an address proves nothing. Otherwise whoever writes somebody's address into a
 * profile at a provider takes over their account (Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022).
 */
export const firstSignIn: FirstSignIn = {
  flow: 'first broker login',
  steps: {
    // It would let people choose their name, which an allow-list may hold, and their address.
    'idp-review-profile': 'DISABLED',
    'User creation or linking': 'REQUIRED',
    'idp-create-user-if-unique': 'ALTERNATIVE',
    'Handle Existing Account': 'ALTERNATIVE',
    // A page whose other button leads to the review above. The form below says what signing in will do.
    'idp-confirm-link': 'DISABLED',
    'Account verification options': 'REQUIRED',
    // A link in a mailbox proves no more than the mailbox, and a stack has no mail server.
    'idp-email-verification': 'DISABLED',
    'Verify Existing Account by Re-authentication': 'ALTERNATIVE',
    'idp-username-password-form': 'REQUIRED',
    'First broker login - Conditional 2FA': 'CONDITIONAL',
    'conditional-user-configured': 'REQUIRED',
  },
  requiredActions: {
    // Asks for a name and an address where they are missing, as they often are at GitHub: nothing here needs them.
    VERIFY_PROFILE: false,
    // Any client can have a person asked to do one of these, before any consent (`kc_action`). These would let people take an
    // address that is somebody else's, which then stands in that person's way, link another account, or undo a second factor.
    UPDATE_PROFILE: false,
    UPDATE_EMAIL: false,
    idp_link: false,
    delete_account: false,
    delete_credential: false,
  },
};
