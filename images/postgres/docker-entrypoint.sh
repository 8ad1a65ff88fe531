#!/bin/bash
# Makes the database cluster on the first start, then becomes PostgreSQL. The environment is the official image's:
# POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, POSTGRES_USER (postgres), POSTGRES_DB (the user's name),
# POSTGRES_INITDB_ARGS, PGDATA.
set -euo pipefail
umask 077

# The cluster is made in here and moved up. While this directory exists no server has run on the data, so after a
# kill in the middle everything beside it can go.
staging="$PGDATA/.initializing"

initialize() {
  local user="${POSTGRES_USER:-postgres}" password="${POSTGRES_PASSWORD:-}"
  local database="${POSTGRES_DB:-$user}"
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then password="$(< "$POSTGRES_PASSWORD_FILE")"; fi
  if [ -z "$password" ]; then
    echo 'docker-entrypoint: a new database needs POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE.' >&2
    exit 1
  fi
  if [ -n "$(ls -A -I lost+found "$PGDATA")" ]; then
    echo "docker-entrypoint: $PGDATA holds files but no database cluster; nothing was touched." >&2
    exit 1
  fi
  mkdir "$staging"
  # POSTGRES_INITDB_ARGS is a list of words, as in the official image.
  # shellcheck disable=SC2086
  initdb --pgdata="$staging/cluster" --username="$user" --pwfile=<(printf '%s\n' "$password") \
    --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  echo 'host all all all scram-sha-256' >> "$staging/cluster/pg_hba.conf"
  if [ "$database" != postgres ]; then
    # Single-user mode: nothing listens while the cluster is half made. Without exit_on_error it would end well after an error.
    postgres --single -j -c exit_on_error=on -D "$staging/cluster" postgres <<< "CREATE DATABASE \"${database//\"/\"\"}\";"
  fi
  mv "$staging"/cluster/* "$PGDATA"
  rmdir "$staging/cluster" "$staging"
}

case "${1:-}" in '' | -*) set -- postgres "$@" ;; esac
if [ "$1" = postgres ]; then
  if [ -e "$staging" ]; then
    echo 'docker-entrypoint: the last first start was cut short; starting over.' >&2
    find "$PGDATA" -mindepth 1 -delete
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then initialize; fi
  # Out of the reach of SQL that runs programs.
  unset POSTGRES_PASSWORD
fi
exec "$@"
