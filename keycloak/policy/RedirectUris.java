package dev.drawbridge.keycloak;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.keycloak.component.ComponentModel;

/**
 * The redirect URIs of the clients that are switched on. They are compared as they are written and never parsed: two parsers
 * can see two hosts in one URI (userinfo, backslashes, encodings), and the browser would be the one that counts.
 *
 * @param exact as a registration has to name them. Of a loopback address without a port any port is meant (RFC 8252 §7.3).
 * @param stems to be followed by one id, which the client's vendor makes for each connection
 */
record RedirectUris(Set<String> exact, List<String> stems) {

    static final String EXACT = "redirect-uris";
    static final String STEMS = "redirect-uri-stems";

    /** More than any client has, and few enough that a realm full of clients is read in seconds. */
    static final int MOST = 10;
    private static final Pattern LOOPBACK_WITH_PORT = Pattern.compile("(http://(?:localhost|127\\.0\\.0\\.1)):([1-9][0-9]{0,4})(/.*)");
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-]{1,128}");

    static RedirectUris of(ComponentModel model) {
        return new RedirectUris(Set.copyOf(model.getConfig().getOrDefault(EXACT, List.of())), List.copyOf(model.getConfig().getOrDefault(STEMS, List.of())));
    }

    /** A loopback address alone has 65,535 ports to name. */
    boolean tooMany(Collection<String> uris) {
        return uris != null && uris.size() > MOST;
    }

    /** Whether there are any, not too many, and all are allowed. */
    boolean allow(Collection<String> uris) {
        return uris != null && !uris.isEmpty() && !tooMany(uris) && uris.stream().allMatch(this::allows);
    }

    /** Of some that are not all allowed, the first that is not, where there is any. */
    Optional<String> refused(Collection<String> uris) {
        return uris == null ? Optional.empty() : uris.stream().filter(uri -> uri != null && !allows(uri)).findFirst();
    }

    private boolean allows(String uri) {
        return uri != null && (exact.contains(uri) || exact.contains(withoutLoopbackPort(uri)) || stems.stream().anyMatch(stem -> continues(stem, uri)));
    }

    private static String withoutLoopbackPort(String uri) {
        Matcher parts = LOOPBACK_WITH_PORT.matcher(uri);
        return parts.matches() && Integer.parseInt(parts.group(2)) <= 65535 ? parts.group(1) + parts.group(3) : uri;
    }

    private static boolean continues(String stem, String uri) {
        return uri.startsWith(stem) && ID.matcher(uri.substring(stem.length())).matches();
    }
}
