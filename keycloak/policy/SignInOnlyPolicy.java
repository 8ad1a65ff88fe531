package dev.drawbridge.keycloak;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import org.keycloak.component.ComponentModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.representations.idm.ClientRepresentation;
import org.keycloak.services.clientregistration.ClientRegistrationContext;
import org.keycloak.services.clientregistration.ClientRegistrationProvider;
import org.keycloak.services.clientregistration.policy.AbstractClientRegistrationPolicyFactory;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicyException;

/**
 * Registration policy: whoever registers without being known gets a client that can send a person to sign in, and nothing
 * else. RFC 7591 §3.2.1 lets the server replace what was asked for.
 *
 * Scopes are the realm's, whichever were named. An MCP client registers with the scopes of the first challenge. Keycloak then
 * allows it those for ever, so a later step-up ends in invalid_scope, and it leaves out the realm's default scopes too
 * (keycloak#50807). What a token may do is still asked for and consented to sign-in by sign-in.
 */
public class SignInOnlyPolicy extends AbstractClientRegistrationPolicyFactory implements ClientRegistrationPolicy {

    /**
     * What of a client's many attributes a stranger may set. Not among them: URLs that Keycloak would fetch or redirect to
     * (jwks_uri, request_uris, backchannel and post-logout URIs), and further grants (device, CIBA, token exchange).
     */
    private static final Set<String> OPEN_ATTRIBUTES = Set.of("use.refresh.tokens", "pkce.code.challenge.method");

    @Override
    public void beforeRegister(ClientRegistrationContext context) {
        restrict(context.getClient());
    }

    @Override
    public void beforeUpdate(ClientRegistrationContext context, ClientModel client) {
        restrict(context.getClient());
    }

    private static void restrict(ClientRepresentation client) {
        // Keycloak fills in the realm's scopes where a new client names none, and keeps a known client's.
        client.setDefaultClientScopes(null);
        client.setOptionalClientScopes(null);
        // A client credentials token would open the server without any person having signed in.
        client.setServiceAccountsEnabled(false);
        client.setAuthorizationServicesEnabled(false);
        client.setDirectAccessGrantsEnabled(false);
        client.setImplicitFlowEnabled(false);
        if (client.getAttributes() != null) client.setAttributes(openOnes(client.getAttributes()));
        // With a wildcard any open redirect on a trusted host gives codes away (RFC 9700 §2.1: exact matching).
        if (client.getRedirectUris() != null && client.getRedirectUris().stream().anyMatch(uri -> uri.contains("*")))
            throw new ClientRegistrationPolicyException("Redirect URIs must be exact, without *.");
    }

    private static Map<String, String> openOnes(Map<String, String> attributes) {
        return attributes.entrySet().stream()
                .filter(attribute -> OPEN_ATTRIBUTES.contains(attribute.getKey()) && attribute.getValue() != null)
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
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
        return "drawbridge-sign-in-only";
    }

    @Override
    public String getHelpText() {
        return "A client that registers itself can send a person to sign in, and nothing else. It gets the realm's scopes.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return List.of();
    }
}
