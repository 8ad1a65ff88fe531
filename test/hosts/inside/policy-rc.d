#!/bin/sh
# Where no systemd runs, packages start and stop their services by init scripts. Here systemctl does it, once it is asked to; it knows nothing of others.
[ "$2" != stop ] || systemctl stop "$1"
exit 101
