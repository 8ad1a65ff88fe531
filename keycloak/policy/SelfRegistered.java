package dev.drawbridge.keycloak;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import org.jboss.logging.Logger;
import org.keycloak.connections.jpa.JpaConnectionProvider;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.services.managers.ClientManager;
import org.keycloak.services.managers.RealmManager;

/**
 * The clients that registered themselves, and which of them go again. Each change is a transaction of its own, one at a time:
 * two registrations that evict the same client would fail each other.
 */
final class SelfRegistered {

    /** Attribute: when a client registered itself, in seconds. */
    static final String REGISTERED = "drawbridge.registered";
    /** Attribute: since when nobody has been signed in through it, in seconds. */
    private static final String UNUSED_SINCE = "drawbridge.unused.since";

    private static final Logger LOGGER = Logger.getLogger(SelfRegistered.class);

    private SelfRegistered() {
    }

    /**
     * Makes room for one more client: where the realm is full, the oldest go that nobody ever signed in through. A flood of
     * registrations thus pushes out its own, and never a client in use or one at whose sign-in page someone is. Where there
     * are none of those, someone may have signed in through all of them: whose clients are a tenth of the realm and more.
     *
     * @param settling seconds that a new client is left to be signed in through
     * @return whether there is room
     */
    static synchronized boolean makeRoom(KeycloakSessionFactory factory, String realmId, int limit, int settling) {
        return KeycloakModelUtils.runJobInTransactionWithResult(factory, session -> {
            RealmModel realm = enter(session, realmId);
            if (session.clients().getClientsCount(realm) < limit) return true;
            List<ClientModel> settled = all(realm).stream()
                    .filter(client -> seconds(client, REGISTERED) < now() - settling)
                    .sorted(Comparator.comparingLong(client -> seconds(client, REGISTERED)))
                    .toList();
            Set<String> signedIn = withSession(session, realm);
            Map<String, Set<String>> people = consenting(session);
            // Several at once: looking for them reads all clients.
            int several = Math.max(1, limit / 10);
            List<ClientModel> evicted = settled.stream()
                    .filter(client -> !signedIn.contains(client.getId()) && !people.containsKey(client.getId()))
                    .limit(several)
                    .toList();
            if (evicted.isEmpty()) evicted = ofOnePerson(settled, people, several).stream().limit(several).toList();
            evicted.forEach(client -> remove(session, realm, client));
            LOGGER.warnf("The realm has its %d clients: %d that nobody ever signed in through, or one person through too many, were removed.", limit, evicted.size());
            return !evicted.isEmpty();
        });
    }

    /**
     * Removes clients that nobody has been signed in through for long, and those whose redirect URIs are no longer those of a
     * client that is switched on.
     *
     * @param patience seconds after which an unused client goes
     */
    static synchronized void sweep(KeycloakSessionFactory factory, String realmId, int patience, RedirectUris redirectUris) {
        KeycloakModelUtils.runJobInTransaction(factory, session -> {
            RealmModel realm = enter(session, realmId);
            Set<String> used = withSession(session, realm);
            for (ClientModel client : all(realm)) {
                if (!redirectUris.allow(client.getRedirectUris())) remove(session, realm, client);
                else if (used.contains(client.getId())) client.removeAttribute(UNUSED_SINCE);
                else if (client.getAttribute(UNUSED_SINCE) == null) client.setAttribute(UNUSED_SINCE, String.valueOf(now()));
                else if (seconds(client, UNUSED_SINCE) < now() - patience) remove(session, realm, client);
            }
        });
    }

    private static RealmModel enter(KeycloakSession session, String realmId) {
        RealmModel realm = session.realms().getRealm(realmId);
        session.getContext().setRealm(realm);
        return realm;
    }

    private static List<ClientModel> all(RealmModel realm) {
        return realm.getClientsStream().filter(client -> client.getAttribute(REGISTERED) != null).toList();
    }

    /** Ids of clients through which someone is signed in, offline sessions (refresh tokens) included. */
    private static Set<String> withSession(KeycloakSession session, RealmModel realm) {
        Set<String> ids = new HashSet<>(session.sessions().getActiveClientSessionStats(realm, false).keySet());
        ids.addAll(session.sessions().getActiveClientSessionStats(realm, true).keySet());
        return ids;
    }

    /** The clients of whoever consented to the most, if that is more than a fair share. Those that others use too come last. */
    private static List<ClientModel> ofOnePerson(List<ClientModel> clients, Map<String, Set<String>> people, int share) {
        Map<String, List<ClientModel>> byPerson = new HashMap<>();
        for (ClientModel client : clients)
            for (String person : people.getOrDefault(client.getId(), Set.of())) byPerson.computeIfAbsent(person, id -> new ArrayList<>()).add(client);
        return byPerson.values().stream()
                .filter(theirs -> theirs.size() > share)
                .max(Comparator.comparingInt(List::size))
                .map(theirs -> theirs.stream().sorted(Comparator.comparingInt(client -> people.get(client.getId()).size())).toList())
                .orElse(List.of());
    }

    /** Ids of clients that someone has consented to, and of the people who have. Keycloak's API can tell this of one person only. */
    private static Map<String, Set<String>> consenting(KeycloakSession session) {
        return session.getProvider(JpaConnectionProvider.class).getEntityManager()
                .createQuery("select consent.clientId, consent.user.id from UserConsentEntity consent where consent.clientId is not null", Object[].class)
                .getResultStream()
                .collect(Collectors.groupingBy(row -> (String) row[0], Collectors.mapping(row -> (String) row[1], Collectors.toSet())));
    }

    private static void remove(KeycloakSession session, RealmModel realm, ClientModel client) {
        LOGGER.infof("Removing the self-registered client %s.", client.getClientId());
        // A client that was changed is held by this transaction. Of another, the cache looks in the database for what is gone by then.
        client.setEnabled(false);
        new ClientManager(new RealmManager(session)).removeClient(realm, client);
    }

    private static long seconds(ClientModel client, String attribute) {
        return Long.parseLong(client.getAttribute(attribute));
    }

    static long now() {
        return Instant.now().getEpochSecond();
    }
}
