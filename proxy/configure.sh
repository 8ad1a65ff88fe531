#!/bin/sh
# Gives the front the configuration on standard input, and ends once nginx runs with it. One that nginx refuses changes nothing.
# It is in a volume: a front that starts by itself, as after a reboot, finds it there.
set -eu
. /usr/local/lib/drawbridge/configuration.sh
candidate=$current.candidate
cat >"$candidate"
for which in waiting serving; do
  part "$which" "$candidate" >"$run/tested.conf"
  nginx -t -q -c "$run/tested.conf"
done
mv "$candidate" "$current"
wanted=$(fingerprint "$current")
# What somebody edited where nginx reads it is written anew.
if [ "$(cat "$run/used" 2>/dev/null)" = "$wanted" ] && ! part serving "$current" | sed "s/CONFIGURATION/$wanted/" | cmp -s - "$run/nginx.conf"; then
  rm "$run/used"
  touch "$run/again"
fi
for attempt in $(seq 60); do
  if [ "$(cat "$run/used" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
  sleep 0.5
done
echo 'nginx accepts the configuration, but does not run with it. What it says is in the log of its container.' >&2
exit 1
