#!/bin/bash
# The first process of a test host: boots what is enabled, then stays, and buries orphans.
mkdir -p /run/sshd /run/dbus /run/lock
dbus-daemon --system --fork
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
systemctl boot
touch /run/booted
while :; do sleep infinity & wait; done
