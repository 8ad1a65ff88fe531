#!/bin/bash
# The first process of a machine apart (apart.ts): in namespaces of its own it has this machine's files, and its own network, processes
# and Docker engine. Stays, and buries orphans. Arguments: a directory of its own.
set -euo pipefail
own=$1
# A new sysfs shows the interfaces of the network namespace that it is mounted in. Control groups are the machine's.
mkdir -p "$own/sys" "$own/docker"
mount -t sysfs sysfs "$own/sys"
mount --rbind /sys/fs/cgroup "$own/sys/fs/cgroup"
mount --rbind "$own/sys" /sys
# Sockets of the machine's daemons, of its Docker engine above all, are out of reach.
resolver=$(readlink -f /etc/resolv.conf)
mount -t tmpfs -o mode=755 tmpfs /run
if [[ $resolver == /run/* ]]; then mkdir -p "${resolver%/*}" && touch "$resolver"; fi
echo 'nameserver 198.18.0.53' > "$own/resolv.conf"
mount --bind "$own/resolv.conf" "$resolver"
# Where the simulation of Cloudflare is for who is here (internet.ts): the edge, its API, the resolver that knows the zone, and this machine's
# own public address. Not bound to 443, which the stack's own front has in tier host.
ip link set lo up
for address in 198.18.0.3 198.18.0.53 198.51.100.7; do ip address add "$address/32" dev lo; done
nft -f - <<'NFT'
table ip internet {
  map services { type ipv4_addr . inet_service : inet_service; elements = { 198.18.0.1 . 443 : 7443, 198.18.0.1 . 80 : 7480, 198.18.0.2 . 443 : 7444 } }
  chain out { type nat hook output priority -100; meta l4proto tcp redirect to :ip daddr . tcp dport map @services; }
  chain in { type nat hook prerouting priority -100; meta l4proto tcp redirect to :ip daddr . tcp dport map @services; }
}
NFT
dockerd --data-root "$own/docker" &> "$own/dockerd.log" &
engine=$!
until docker version &> /dev/null; do
  kill -0 $engine
  sleep 0.2
done
touch "$own/booted"
while :; do sleep infinity & wait; done
