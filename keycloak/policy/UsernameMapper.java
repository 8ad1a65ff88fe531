package dev.drawbridge.keycloak;

import java.util.regex.Pattern;

import org.keycloak.broker.oidc.mappers.UsernameTemplateMapper;
import org.keycloak.broker.provider.BrokeredIdentityContext;
import org.keycloak.broker.provider.IdentityBrokerException;
import org.keycloak.models.IdentityProviderMapperModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;

/**
 * Names accounts by a template, as Keycloak's own mapper does, from visible ASCII characters alone. Keycloak writes names in
 * small letters, and others turn into ASCII on the way: the Kelvin sign into a k, so that a stranger would be `oidc.kate`.
 */
public class UsernameMapper extends UsernameTemplateMapper {

    private static final Pattern VISIBLE_ASCII = Pattern.compile("[!-~]+");

    @Override
    public String getId() {
        return "drawbridge-username";
    }

    @Override
    public String getDisplayType() {
        return "Username of visible ASCII";
    }

    @Override
    public void preprocessFederatedIdentity(KeycloakSession session, RealmModel realm, IdentityProviderMapperModel mapper, BrokeredIdentityContext context) {
        super.preprocessFederatedIdentity(session, realm, mapper, context);
        if (!VISIBLE_ASCII.matcher(context.getModelUsername()).matches())
            throw new IdentityBrokerException("The name at the provider " + context.getIdpConfig().getAlias() + " has other than visible ASCII characters: nobody gets an account of that name.");
    }
}
