# What this machine is, as lines of a word, a tab and a value. Changes nothing. $NAMES: host names to look up; $ACME: a URL to reach.
say() { [ -z "$2" ] || printf '%s\t%s\n' "$1" "$2"; }
each() { while IFS= read -r line; do say "$1" "$line"; done; }
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say time "$(date +%s)"
[ -r /etc/os-release ] && . /etc/os-release
say os "$ID $ID_LIKE"
say system "$PRETTY_NAME"
say user "$(id -un)"
sudo=
if [ "$(id -u)" -eq 0 ]; then say root yes; elif sudo -n true 2>/dev/null; then say root sudo; sudo='sudo -n'; fi
[ -d /run/systemd/system ] && say systemd yes
command -v dockerd >/dev/null && say daemon yes
command -v nft >/dev/null && say nft yes
if command -v docker >/dev/null; then
  say client yes
  say endpoint "$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null)"
  if answer=$(docker version --format '{{.Server.Version}}' 2>&1); then say engine "$answer"
  else case $answer in *"permission denied"*) say denied yes ;; esac; fi
  docker ps --format '{{.Names}}' 2>/dev/null | each container
fi
say synchronized "$(timedatectl show --property NTPSynchronized --value 2>/dev/null)"
# Only root sees whose sockets they are.
$sudo ss -Hltnp 2>/dev/null | each listener
# Docker's own bridges lead nowhere from outside.
ip -o address show 2>/dev/null | awk '$2 !~ /^(docker|br-|veth|db)/ { print $4 }' | each address
for name in $NAMES; do getent ahosts "$name" | awk '{ print $1 }' | sort -u | sed "s/^/$name /" | each name; done
say free "$(df -Pk /var/lib/docker 2>/dev/null | awk 'NR == 2 { print $4 }')"
if [ -n "$ACME" ] && command -v curl >/dev/null; then
  said=$(curl -sS -o /dev/null --max-time 10 "$ACME" 2>&1)
  say acme "$? $said"
fi
:
