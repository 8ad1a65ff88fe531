#!/bin/sh
# The front's entrypoint: nginx with the configuration that configure.sh has left; first with its waiting part, then, once there is a
# certificate, with its serving one. That reads its certificate at each handshake from a path with a variable, so that a renewed one
# needs no reload.
set -u
. /usr/local/lib/drawbridge/configuration.sh
live=/certificates/live
# Longer than Node's fetch (4 s), httpx and a tunnel's connector (5 s) keep a connection that they do not use.
drain_seconds=6
# Only uid 101 and group 0 get into /run/nginx. Within, workers read what a master that is root has written.
umask 022

# One JSON line on stdout. $1 level, $2 event, $3 detail
say() {
  detail=$(printf %s "$3" | tr '\000-\037' ' ' | sed 's/[\\"]/\\&/g')
  printf '{"time":"%s","level":"%s","event":"%s","detail":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$detail"
}

# Changes with the published certificate; empty while there is none.
published() {
  [ -r "$live/fullchain.pem" ] && [ -r "$live/privkey.pem" ] && fingerprint "$live/fullchain.pem" "$live/privkey.pem"
}

# Puts the published certificate to use if nginx accepts it: the serving configuration is tested with it in the variable's
# place, where nginx reads it at once. A copy of our own outlives whatever happens to the volume.
take() {
  candidate=$run/certificate-$1
  former=$(readlink "$run/certificate")
  # Published again after one that was refused.
  [ "$former" != "$candidate" ] || return 0
  mkdir -p "$candidate/empty" && cat "$live/fullchain.pem" >"$candidate/fullchain.pem" && cat "$live/privkey.pem" >"$candidate/privkey.pem" || return
  part serving "$current" | sed "s,\$certificate_directory/,$candidate/," >"$run/candidate.conf"
  nginx -t -q -c "$run/candidate.conf" || return
  ln -s "$candidate" "$run/next" && mv -T "$run/next" "$run/certificate"
  # A handshake that began with the former files has a while to read them.
  [ -z "$former" ] || { sleep 2; rm -r "$former"; }
}

# Takes the published certificate, if it is another one than that which was last looked at.
look_at_certificate() {
  published=$(published)
  [ -n "$published" ] && [ "$published" != "$seen" ] || return
  if problem=$(take "$published" 2>&1); then
    say info certificate-loaded "$published"
  else
    say error certificate-refused "The one before it stays. $problem"
    rm -rf "$run/certificate-$published"
  fi
  seen=$published
}

# Which part nginx is to run with, and of which configuration. Behind a tunnel there is no TLS here, and so nothing to wait for.
wanted() {
  if [ -L "$run/certificate" ] || ! grep -q ssl_certificate "$current"; then printf 'serving '; else printf 'waiting '; fi
  fingerprint "$current"
}

# $1 as wanted says
write() {
  part "${1% *}" "$current" | sed "s/CONFIGURATION/${1#* }/" >"$run/nginx.conf"
}

serves() {
  [ "$(sh /usr/local/lib/drawbridge/front-health.sh 2>/dev/null)" = "${used#* }" ]
}

# A worker that is to end closes its idle connections at once, and a request that is just on its way there would fail (nginx has
# keepalive_min_timeout against it from 1.27.4 on). So before that every answer asks its client to close (RFC 9112 §9.6) for a while.
drain() {
  touch "$run/draining"
  sleep "$drain_seconds" &
  wait $!
}

# New workers take over. The former ones finish what they have.
reload() {
  [ ! -S "$run/health.sock" ] || drain
  write "$used"
  kill -HUP "$nginx"
  settle || say error configuration-refused 'The one before it stays.'
  rm -f "$run/draining"
}

# Waits until nginx runs with what it is to run with, and tells configure.sh.
settle() {
  for attempt in $(seq 20); do
    sleep 0.25
    if [ "${used% *}" = waiting ] || serves; then echo "${used#* }" >"$run/used" && return; fi
  done
  return 1
}

stop() {
  stopping=yes
  # Another front listens on the same ports: this one sends its clients there.
  if grep -q reuseport "$run/nginx.conf"; then drain; fi
  kill -QUIT "$nginx"
}

seen=
trap 'exit 0' QUIT TERM INT
# There is none before it was first configured, and a newer nginx may refuse what its predecessor had.
until [ -r "$current" ] && part serving "$current" >"$run/candidate.conf" && nginx -t -q -c "$run/candidate.conf"; do
  sleep 1 &
  wait $!
done
look_at_certificate
used=$(wanted)
write "$used"

# nginx writes the whole request line, and with it authorization codes, into its error log: cut queries off.
mkfifo "$run/errors"
sed -u -e 's/\(, request: "[^?"]*\).*/\1"/' -e 's/\(upstream sent [a-z ]*header[a-z ]*\).*/\1/' <"$run/errors" >&2 &

nginx -c "$run/nginx.conf" -g 'daemon off;' 2>"$run/errors" &
nginx=$!
stopping=
# SIGQUIT lets nginx finish the requests that it has.
trap stop QUIT TERM INT
settle || true

while [ -z "$stopping" ] && kill -0 "$nginx" 2>/dev/null; do
  look_at_certificate
  # Or not yet serving: a port was taken when it was last tried.
  if [ "$(wanted)" != "$used" ] || [ -e "$run/again" ] || { [ "${used% *}" = serving ] && [ ! -S "$run/health.sock" ]; }; then
    rm -f "$run/again"
    used=$(wanted)
    reload
  fi
  sleep 1 &
  wait $!
done
while kill -0 "$nginx" 2>/dev/null; do wait "$nginx"; done
wait "$nginx"
