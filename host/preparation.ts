import type { Facts, Family } from './facts.ts';
import { quote } from './shell.ts';

/** One thing to be done to a machine as root. */
export interface Step {
  /** As it is told to a person before. */
  readonly describe: string;
  /** sh, run with `set -eu`. `note WORD VALUE` puts into the record what has to be undone; new packages are noted without it. */
  readonly script: string;
}

/** What was done is noted there, a word and a value a line, so that it can be undone from anywhere. */
const DIRECTORY = '/var/lib/drawbridge';
const RECORD = `${DIRECTORY}/prepared`;

/** The names of all installed packages, in order. */
const LIST: Record<Family, string> = {
  debian: `dpkg-query --show --showformat '\${db:Status-Status} \${Package}\\n' | sed -n 's/^installed //p' | sort -u`,
  fedora: `rpm --query --all --queryformat '%{NAME}\\n' | sort -u`,
  rhel: `rpm --query --all --queryformat '%{NAME}\\n' | sort -u`,
};

// Where the client is a package of its own, docker.io only recommends it.
const APT = 'export DEBIAN_FRONTEND=noninteractive; apt-get update; client=$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || true); apt-get install --yes --no-install-recommends docker.io iptables $client';
// RHEL and its kin have no Docker engine of their own.
const DOCKER_REPOSITORY = 'https://download.docker.com/linux/rhel/docker-ce.repo';

/** How each family gets a Docker engine: what is said, and what is run. */
const ENGINE: Record<Family, { describe: string; script: string }> = {
  debian: { describe: 'apt-get install docker.io iptables (and docker-cli where that is apart)', script: APT },
  fedora: { describe: 'dnf install moby-engine docker-cli', script: 'dnf --assumeyes install moby-engine docker-cli' },
  rhel: {
    describe: `add Docker’s package repository (${DOCKER_REPOSITORY}) and dnf install docker-ce docker-ce-cli containerd.io`,
    script: `[ -e /etc/yum.repos.d/docker-ce.repo ] || { curl --fail --silent --show-error --output /etc/yum.repos.d/docker-ce.repo ${DOCKER_REPOSITORY}; note file /etc/yum.repos.d/docker-ce.repo; }\ndnf --assumeyes install docker-ce docker-ce-cli containerd.io`,
  },
};

const INSTALL: Record<Family, string> = { debian: 'export DEBIAN_FRONTEND=noninteractive; apt-get update; apt-get install --yes --no-install-recommends', fedora: 'dnf --assumeyes install', rhel: 'dnf --assumeyes install' };

/** What a machine lacks. Nothing, on one that is ready. */
export function planPreparation({ docker, nft, systemd, user, clock, root, family }: Facts): Step[] {
  const steps: Step[] = [];
  const installs = !docker.client || (docker.answer === 'no' && !docker.daemon);
  if (installs && family) steps.push({ describe: `install the Docker engine: ${ENGINE[family].describe}`, script: ENGINE[family].script });
  if (!nft && family) steps.push({ describe: 'install nft, which closes the ports that Docker publishes: nftables', script: `${INSTALL[family]} nftables` });
  if (docker.answer === 'no')
    steps.push({ describe: 'start the Docker engine, now and at every boot: systemctl enable --now docker', script: 'systemctl is-enabled --quiet docker 2>/dev/null || note service docker\nsystemctl enable --now docker' });
  if (root === 'sudo' && docker.answer !== 'yes')
    steps.push({ describe: `let ${user} use it, which is as good as being root: usermod --append --groups docker ${user}`, script: `id --name --groups ${quote(user)} | tr ' ' '\\n' | grep -qx docker || { usermod --append --groups docker ${quote(user)}; note member ${quote(user)}; }` });
  if (clock.synchronized === false && systemd)
    steps.push({ describe: 'keep the clock in sync: timedatectl set-ntp true', script: '[ "$(timedatectl show --property NTP --value)" = yes ] || note ntp off\ntimedatectl set-ntp true' });
  return steps;
}

/** Why the steps cannot be done by this user, or there. */
export function cannotPrepare({ root, family, system, user }: Facts): string | undefined {
  if (root === 'no') return `${user} is not root and may not use sudo without a password: sign in as root, or allow it (${user} ALL=(ALL) NOPASSWD: ALL)`;
  return family ? undefined : `${system} is none of the families whose packages are known here (Debian, Ubuntu, Fedora, RHEL): install a Docker engine as https://docs.docker.com/engine/install/ says`;
}

/** The steps as one script for root. */
export function preparationScript(family: Family, steps: readonly Step[]): string {
  return [
    'set -eu',
    `mkdir -p ${DIRECTORY}`,
    `note() { grep -qsxF "$1 $2" ${RECORD} || echo "$1 $2" >> ${RECORD}; }`,
    `list() { ${LIST[family]}; }`,
    'before=$(mktemp); list > "$before"',
    // What the steps print is read at the end. A connection that breaks meanwhile must not end dpkg half way.
    'said=$(mktemp); exec 3>&1 > "$said" 2>&1',
    // Also after a failure or a signal: what is half done is to be undone as well.
    "trap 'exit 1' HUP INT TERM",
    `trap 'list | comm -13 "$before" - | while read -r package; do note package "$package"; done; [ -s ${RECORD} ] || rmdir --ignore-fail-on-non-empty ${DIRECTORY}; cat "$said" >&3 || :; rm "$before" "$said"' EXIT`,
    ...steps.flatMap(({ describe, script }) => [`echo ${quote(`== ${describe}`)}`, script]),
  ].join('\n');
}

/** Undoes what the record says, and nothing else. Exit code 3: the engine that was installed is in use. */
export function restorationScript(family: Family): string {
  const remove = family === 'debian' ? 'DEBIAN_FRONTEND=noninteractive apt-get purge --yes' : 'dnf --assumeyes remove';
  return [
    'set -eu',
    `[ -e ${RECORD} ] || { echo 'nothing was prepared here'; exit 0; }`,
    `noted() { sed -n "s/^$1 //p" ${RECORD}; }`,
    'packages=$(noted package)',
    `case " $(echo $packages) " in *' docker.io '* | *' moby-engine '* | *' docker-ce '*) engine=yes ;; *) engine= ;; esac`,
    // Containers and volumes would go with the engine: their owner says when. One that does not run says nothing of what it has.
    `if [ "$engine" ]; then
  if docker info >/dev/null 2>&1; then left=$(docker ps --all --format 'container {{.Names}}'; docker volume ls --format 'volume {{.Name}}')
  else left=$(cd /var/lib/docker 2>/dev/null && find containers volumes -mindepth 1 -maxdepth 1 -type d | sed 's,s/, ,' || :); fi
  [ -z "$left" ] || { echo "$left"; exit 3; }
fi`,
    // What is undone already was so by an earlier run that ended half way, or by hand.
    `for user in $(noted member); do ! id --name --groups "$user" 2>/dev/null | tr ' ' '\\n' | grep -qx docker || gpasswd --delete "$user" docker; done`,
    'for service in $(noted service); do ! systemctl is-enabled --quiet "$service" 2>/dev/null || systemctl disable --now "$service"; done',
    'for _ in $(noted ntp); do timedatectl set-ntp false; done',
    `[ -z "$packages" ] || ${remove} $packages`,
    'for file in $(noted file); do rm -f "$file"; done',
    // Where one is a disk of its own, all but the place where it is mounted goes.
    '[ -z "$engine" ] || { for directory in /var/lib/docker /var/lib/containerd /etc/docker; do rm -rf "$directory" 2>/dev/null || mountpoint -q "$directory"; done; ip link delete docker0 2>/dev/null || :; groupdel docker 2>/dev/null || :; }',
    `rm ${RECORD}; rmdir --ignore-fail-on-non-empty ${DIRECTORY}`,
  ].join('\n');
}
