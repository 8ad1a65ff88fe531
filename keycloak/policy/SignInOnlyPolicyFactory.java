package dev.drawbridge.keycloak;

import java.util.List;

import org.keycloak.Config;
import org.keycloak.component.ComponentModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.PostMigrationEvent;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.provider.ProviderConfigurationBuilder;
import org.keycloak.services.clientregistration.policy.AbstractClientRegistrationPolicyFactory;
import org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy;
import org.keycloak.timer.TimerProvider;

/** Makes the policy from its config in the realm, and sweeps the clients that it let in. */
public class SignInOnlyPolicyFactory extends AbstractClientRegistrationPolicyFactory {

    static final String ID = "drawbridge-sign-in-only";
    static final String OPEN = "open";
    static final String MAX_CLIENTS = "max-clients";
    static final String SETTLING_SECONDS = "settling-seconds";
    static final String UNUSED_SECONDS = "unused-seconds";

    private static final int SWEEP_SECONDS = 3600;

    private int sweepSeconds;

    @Override
    public void init(Config.Scope config) {
        sweepSeconds = config.getInt("sweepSeconds", SWEEP_SECONDS);
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        super.postInit(factory);
        factory.register(event -> {
            if (!(event instanceof PostMigrationEvent)) return;
            try (KeycloakSession session = factory.create()) {
                session.getProvider(TimerProvider.class).scheduleTask(this::sweep, sweepSeconds * 1000L, ID);
            }
        });
    }

    private void sweep(KeycloakSession session) {
        for (RealmModel realm : session.realms().getRealmsStream().toList())
            realm.getComponentsStream(realm.getId(), ClientRegistrationPolicy.class.getName())
                    .filter(model -> ID.equals(model.getProviderId()))
                    .toList()
                    .forEach(model -> SelfRegistered.sweep(session.getKeycloakSessionFactory(), realm.getId(), model.get(UNUSED_SECONDS, Integer.MAX_VALUE), RedirectUris.of(model)));
    }

    @Override
    public ClientRegistrationPolicy create(KeycloakSession session, ComponentModel model) {
        return new SignInOnlyPolicy(session, model);
    }

    @Override
    public String getId() {
        return ID;
    }

    @Override
    public String getHelpText() {
        return "A client that registers itself can send a person to sign in and back to a client that is switched on, and nothing else.";
    }

    // Keycloak drops what is not declared here.
    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return ProviderConfigurationBuilder.create()
                .property().name(OPEN).label("Open").type(ProviderConfigProperty.BOOLEAN_TYPE).add()
                .property().name(RedirectUris.EXACT).label("Redirect URIs").type(ProviderConfigProperty.MULTIVALUED_STRING_TYPE).add()
                .property().name(RedirectUris.STEMS).label("Redirect URIs that an id follows").type(ProviderConfigProperty.MULTIVALUED_STRING_TYPE).add()
                .property().name(MAX_CLIENTS).label("Clients in the realm").type(ProviderConfigProperty.STRING_TYPE).add()
                .property().name(SETTLING_SECONDS).label("Seconds that a new client is not evicted").type(ProviderConfigProperty.STRING_TYPE).add()
                .property().name(UNUSED_SECONDS).label("Seconds after which an unused client is removed").type(ProviderConfigProperty.STRING_TYPE).add()
                .build();
    }
}
