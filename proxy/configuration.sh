# What front.sh and configure.sh know of a configuration: a file of two parts, the waiting one, a line `# serving`, and the serving one.
run=/run/nginx
# Both tiers have this volume. While one takes over from the other, the front of each has a file of its own.
current=/configuration/${CONFIGURATION:-current}

# Prints one part of it, as this machine can listen with it: one without IPv6 has no [::]. $1 waiting or serving, $2 the file
part() {
  if [ "$1" = waiting ]; then sed '/^# serving$/,$d' "$2"; else sed '1,/^# serving$/d' "$2"; fi |
    if [ -e /proc/net/if_inet6 ]; then cat; else sed '/listen \[::\]/d'; fi
}

fingerprint() {
  cat "$@" | cksum | tr ' ' -
}
