#!/bin/sh
# Chromium in a network namespace of its own: in a shared one it drops its connections whenever a network of Docker comes or goes.
exec unshare $UNSHARE "$NODE" "$(dirname "$0")/chromium-apart.ts" "$@"
