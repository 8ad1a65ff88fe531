#!/bin/sh
# The way back in when the applier's secret is lost: creates the bootstrap account of the first start again, beside the
# running Keycloak. The next run of the applier uses it, gives its own client the secret it knows, and deletes it.
# If memory runs out, this is what the kernel shall end, not the server.
echo 1000 > /proc/self/oom_score_adj
export KC_HTTP_MANAGEMENT_PORT=9001
export JAVA_OPTS_KC_HEAP='-Xms32m -Xmx128m' JAVA_OPTS_APPEND='-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1'
exec /opt/keycloak/bin/kc.sh bootstrap-admin service --optimized --no-prompt \
  --client-id:env KC_BOOTSTRAP_ADMIN_CLIENT_ID --client-secret:env KC_BOOTSTRAP_ADMIN_CLIENT_SECRET
