package dev.drawbridge.keycloak;

import java.util.List;

import org.keycloak.component.ComponentModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.representations.idm.ClientRepresentation;
import org.keycloak.services.clientregistration.ClientRegistrationContext;
import org.keycloak.services.clientregistration.ClientRegistrationProvider;
import org.keycloak.services.clientregistration.policy.AbstractClientRegistrationPolicyFactory;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy;

/**
 * Registration policy: a client that registers itself gets the realm's scopes, whichever it names.
 *
 * An MCP client registers with the scopes of the first challenge. Keycloak then allows it those for ever, so a later
 * step-up ends in invalid_scope, and it leaves out the realm's default scopes too (keycloak#50807). RFC 7591 §3.2.1
 * lets the server replace what was asked for. What a token may do is still asked for and consented to sign-in by sign-in.
 */
public class RealmScopesPolicy extends AbstractClientRegistrationPolicyFactory implements ClientRegistrationPolicy {

    @Override
    public void beforeRegister(ClientRegistrationContext context) {
        leaveScopesToTheRealm(context.getClient());
    }

    @Override
    public void beforeUpdate(ClientRegistrationContext context, ClientModel client) {
        leaveScopesToTheRealm(context.getClient());
    }

    /** Keycloak fills in the realm's scopes where a new client names none, and keeps a known client's. */
    private static void leaveScopesToTheRealm(ClientRepresentation client) {
        client.setDefaultClientScopes(null);
        client.setOptionalClientScopes(null);
    }

    @Override
    public void afterRegister(ClientRegistrationContext context, ClientModel client) {
    }

    @Override
    public void afterUpdate(ClientRegistrationContext context, ClientModel client) {
    }

    @Override
    public void beforeView(ClientRegistrationProvider provider, ClientModel client) {
    }

    @Override
    public void beforeDelete(ClientRegistrationProvider provider, ClientModel client) {
    }

    @Override
    public void close() {
    }

    // The policy has no state, so its factory serves as the policy itself.

    @Override
    public ClientRegistrationPolicy create(KeycloakSession session, ComponentModel model) {
        return this;
    }

    @Override
    public String getId() {
        return "drawbridge-realm-scopes";
    }

    @Override
    public String getHelpText() {
        return "A client that registers itself gets the realm's scopes, whichever it names.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return List.of();
    }
}
