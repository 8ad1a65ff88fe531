#!/bin/sh
# The way back in when the applier's secret is lost: creates the bootstrap account of the first start again, beside the
# running Keycloak. The next run of the applier uses it, gives its own client the secret it knows, and deletes it.
# The smaller heap and the other management port keep out of the running server's way.
JAVA_OPTS_KC_HEAP='-Xms64m -Xmx128m' KC_HTTP_MANAGEMENT_PORT=9001 exec /opt/keycloak/bin/kc.sh bootstrap-admin service --optimized --no-prompt \
  --client-id:env KC_BOOTSTRAP_ADMIN_CLIENT_ID --client-secret:env KC_BOOTSTRAP_ADMIN_CLIENT_SECRET
