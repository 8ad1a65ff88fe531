#!/usr/bin/env bash
# For the steps after this one: an agent with SSH_KEY, and the machines of KNOWN_HOSTS. The key is in the agent's memory only.
set -euo pipefail
[ -n "${SSH_KEY:-}" ] || { echo 'No PREVIEW_SSH_KEY is set: previews are for a machine that this runner reaches by itself.'; exit 0; }
[ -n "${KNOWN_HOSTS:-}" ] || { echo 'PREVIEW_KNOWN_HOSTS is not set: no host key is believed without it. `ssh-keyscan HOST` prints one to compare.' >&2; exit 1; }
install -d -m 700 ~/.ssh
printf '%s\n' "$KNOWN_HOSTS" >> ~/.ssh/known_hosts
eval "$(ssh-agent -s)" > /dev/null
ssh-add -q - <<< "$SSH_KEY"
echo "SSH_AUTH_SOCK=$SSH_AUTH_SOCK" >> "$GITHUB_ENV"
