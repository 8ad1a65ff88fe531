package dev.drawbridge.keycloak;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import jakarta.ws.rs.core.Response.Status;

import org.keycloak.component.ComponentModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.representations.idm.ClientRepresentation;
import org.keycloak.services.ErrorResponseException;
import org.keycloak.services.clientregistration.ClientRegistrationContext;
import org.keycloak.services.clientregistration.ClientRegistrationProvider;
import org.keycloak.services.clientregistration.ErrorCodes;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicyException;

/**
 * Registration policy: whoever registers without being known gets a client that can send a person to sign in and back to a
 * client that is switched on, and nothing else. RFC 7591 §3.2.1 lets the server replace what was asked for.
 *
 * Scopes are the realm's, whichever were named. An MCP client registers with the scopes of the first challenge. Keycloak then
 * allows it those for ever, so a later step-up ends in invalid_scope, and it leaves out the realm's default scopes too
 * (keycloak#50807). What a token may do is still asked for and consented to sign-in by sign-in.
 */
final class SignInOnlyPolicy implements ClientRegistrationPolicy {

    /**
     * What of a client's many attributes a stranger may set. Not among them: URLs that Keycloak would fetch or redirect to
     * (jwks_uri, request_uris, backchannel and post-logout URIs), and further grants (device, CIBA, token exchange).
     */
    private static final Set<String> OPEN_ATTRIBUTES = Set.of("use.refresh.tokens", "pkce.code.challenge.method");
    /** As long as Keycloak's own column; longer ones would end in a 500. */
    private static final int NAME_LENGTH = 255;
    /** A redirect URI that is repeated to whoever sent it: what RFC 6749 §5.2 has in a description, and no markup. */
    private static final Pattern SHOWN = Pattern.compile("[\\x21\\x23-\\x3b\\x3d\\x3f-\\x5b\\x5d-\\x7e]{1,200}");

    private final KeycloakSession session;
    private final ComponentModel model;

    SignInOnlyPolicy(KeycloakSession session, ComponentModel model) {
        this.session = session;
        this.model = model;
    }

    @Override
    public void beforeRegister(ClientRegistrationContext context) {
        if (!model.get(SignInOnlyPolicyFactory.OPEN, false)) throw new ClientRegistrationPolicyException("Registration is closed: use the id of a client that the operator registered.");
        ClientRepresentation client = context.getClient();
        restrict(client);
        client.getAttributes().put(SelfRegistered.REGISTERED, String.valueOf(SelfRegistered.now()));
        int limit = model.get(SignInOnlyPolicyFactory.MAX_CLIENTS, 0);
        int settling = model.get(SignInOnlyPolicyFactory.SETTLING_SECONDS, 0);
        if (!SelfRegistered.makeRoom(session.getKeycloakSessionFactory(), session.getContext().getRealm().getId(), limit, settling))
            throw new ErrorResponseException("temporarily_unavailable", "Too many clients are registering themselves. Try again in a few minutes.", Status.SERVICE_UNAVAILABLE);
    }

    @Override
    public void beforeUpdate(ClientRegistrationContext context, ClientModel client) {
        restrict(context.getClient());
    }

    private void restrict(ClientRepresentation client) {
        // RFC 7591 §3.2.2.
        RedirectUris redirectUris = RedirectUris.of(model);
        if (redirectUris.tooMany(client.getRedirectUris()))
            throw new ErrorResponseException(ErrorCodes.INVALID_REDIRECT_URI, "A client may have " + RedirectUris.MOST + " redirect URIs at most.", Status.BAD_REQUEST);
        if (!redirectUris.allow(client.getRedirectUris())) {
            String refused = redirectUris.refused(client.getRedirectUris()).filter(uri -> SHOWN.matcher(uri).matches()).map(uri -> ", and " + uri + " is not").orElse("");
            throw new ErrorResponseException(ErrorCodes.INVALID_REDIRECT_URI, "Each redirect URI must be exactly one of a client that may connect here" + refused + ".", Status.BAD_REQUEST);
        }
        if (client.getName() != null && client.getName().length() > NAME_LENGTH)
            throw new ErrorResponseException(ErrorCodes.INVALID_CLIENT_METADATA, "The client's name is too long.", Status.BAD_REQUEST);
        // PostgreSQL keeps no text with a NUL: another 500.
        if (client.getName() != null && client.getName().indexOf('\0') >= 0)
            throw new ErrorResponseException(ErrorCodes.INVALID_CLIENT_METADATA, "The client's name has a NUL in it.", Status.BAD_REQUEST);
        // Sign-in and error pages link a client's home page: not a stranger's choice.
        client.setRootUrl(null);
        client.setBaseUrl(null);
        client.setAdminUrl(null);
        // Keycloak derives them from the redirect URIs.
        client.setWebOrigins(null);
        // Keycloak fills in the realm's scopes where a new client names none, and keeps a known client's.
        client.setDefaultClientScopes(null);
        client.setOptionalClientScopes(null);
        // A client credentials token would open the server without any person having signed in.
        client.setServiceAccountsEnabled(false);
        client.setAuthorizationServicesEnabled(false);
        client.setDirectAccessGrantsEnabled(false);
        client.setImplicitFlowEnabled(false);
        // What a token says is the realm's.
        client.setProtocolMappers(null);
        client.setAttributes(openOnes(client.getAttributes()));
    }

    private static Map<String, String> openOnes(Map<String, String> attributes) {
        if (attributes == null) return new HashMap<>();
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
}
