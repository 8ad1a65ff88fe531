#!/bin/sh
# The front's entrypoint: nginx, first with the waiting configuration, then, once there is a certificate, with the serving
# one. The serving configuration reads its certificate at each handshake from a path with a variable, so that a renewed
# one needs no reload: a reload closes kept connections, and a request that is just on its way there would fail.
# Environment: NGINX_CONF, NGINX_WAITING_CONF: the two configurations, complete.
set -u
run=/run/nginx
live=/certificates/live
# Only uid 101 and group 0 get into /run/nginx. Within, workers read what a master that is root has written.
umask 022

# One JSON line on stdout. $1 level, $2 event, $3 detail
say() {
  detail=$(printf %s "$3" | tr '\000-\037' ' ' | sed 's/[\\"]/\\&/g')
  printf '{"time":"%s","level":"%s","event":"%s","detail":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$detail"
}

# A configuration that this machine can listen with: one without IPv6 has no [::].
configuration() {
  if [ -e /proc/net/if_inet6 ]; then printf '%s' "$1"; else printf '%s' "$1" | sed '/listen \[::\]/d'; fi
}

# Changes with the published certificate; empty while there is none.
fingerprint() {
  [ -r "$live/fullchain.pem" ] && [ -r "$live/privkey.pem" ] && cat "$live/fullchain.pem" "$live/privkey.pem" | cksum | tr ' ' -
}

# Puts the published certificate to use if nginx accepts it: the serving configuration is tested with it in the variable's
# place, where nginx reads it at once. A copy of our own outlives whatever happens to the volume.
take() {
  candidate=$run/certificate-$1
  former=$(readlink "$run/certificate")
  # Published again after one that was refused.
  [ "$former" != "$candidate" ] || return 0
  mkdir "$candidate" && cat "$live/fullchain.pem" >"$candidate/fullchain.pem" && cat "$live/privkey.pem" >"$candidate/privkey.pem" || return
  sed "s,\$certificate_directory/,$candidate/," "$run/serving.conf" >"$run/candidate.conf"
  nginx -t -q -c "$run/candidate.conf" || return
  ln -s "$candidate" "$run/next" && mv -T "$run/next" "$run/certificate"
  # A handshake that began with the former files has a while to read the second of them.
  [ -z "$former" ] || { sleep 2; rm -r "$former"; }
}

# nginx writes the whole request line, and with it authorization codes, into its error log: cut queries off.
mkfifo "$run/errors"
sed -u -e 's/\(, request: "[^?"]*\).*/\1"/' -e 's/\(upstream sent [a-z ]*header[a-z ]*\).*/\1/' <"$run/errors" >&2 &

configuration "$NGINX_WAITING_CONF" >"$run/nginx.conf"
configuration "$NGINX_CONF" >"$run/serving.conf"
nginx -c "$run/nginx.conf" -g 'daemon off;' 2>"$run/errors" &
nginx=$!
# SIGQUIT lets nginx finish the requests that it has.
trap 'kill -QUIT "$nginx"' QUIT TERM INT

seen=
while kill -0 "$nginx" 2>/dev/null; do
  published=$(fingerprint)
  if [ -n "$published" ] && [ "$published" != "$seen" ]; then
    if problem=$(take "$published" 2>&1); then
      say info certificate-loaded "$published"
    else
      say error certificate-refused "The one before it stays. $problem"
      rm -rf "$run/certificate-$published"
    fi
    seen=$published
  fi
  # Not yet serving: there was no certificate, or a port was taken when it was last tried.
  if [ -L "$run/certificate" ] && [ ! -S "$run/health.sock" ]; then
    cp "$run/serving.conf" "$run/nginx.conf"
    kill -HUP "$nginx"
  fi
  sleep 1 &
  wait $!
done
wait "$nginx"
