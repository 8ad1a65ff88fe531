#!/bin/sh
# The ways back in, beside the running Keycloak; each makes an account in the realm master.
#   service  the bootstrap account of the first start, for when the applier's secret is lost: the next run of the applier uses it,
#            gives its own client the secret it knows, and deletes it. The default.
#   user     an administrator of the name ADMIN_USERNAME with the password ADMIN_PASSWORD, who is deleted by whoever asked for it.
case ${1:-service} in
  service) set -- service --client-id:env KC_BOOTSTRAP_ADMIN_CLIENT_ID --client-secret:env KC_BOOTSTRAP_ADMIN_CLIENT_SECRET ;;
  user) set -- user --username:env ADMIN_USERNAME --password:env ADMIN_PASSWORD ;;
esac
# If memory runs out, this is what the kernel shall end, not the server.
echo 1000 > /proc/self/oom_score_adj
export KC_HTTP_MANAGEMENT_PORT=9001
export JAVA_OPTS_KC_HEAP='-Xms32m -Xmx128m' JAVA_OPTS_APPEND='-XX:-UseG1GC -XX:+UseSerialGC -XX:TieredStopAtLevel=1'
kind=$1; shift
exec /opt/keycloak/bin/kc.sh bootstrap-admin "$kind" --optimized --no-prompt "$@"
