import type { TestHost } from './host.ts';

/** The lab's own; users and groups as they were before their last change; records of what is listed here by itself. */
const ignored = ['/etc/hosts', '/etc/resolv.conf', '/etc/*-', '/var/lib/sudo/*', '/var/lib/systemd/*', '/var/lib/apt/*', '/var/lib/dpkg/*', '/var/lib/docker/*', '/var/lib/containerd/*'];

/**
 * Everything of a machine that a stack or its preparation may change, a line each: files with their owner, mode and content, rules, users and groups,
 * packages, what starts with the machine, and Docker's containers, volumes, networks and images.
 */
export async function inventory(host: TestHost): Promise<string[]> {
  const printed = await host.run(`
    export LC_ALL=C
    listed() { find /etc /var/lib /usr/local /usr/lib/systemd /root /home /opt /srv ${ignored.map((path) => `-path '${path}' -prune -o`).join(' ')} "$@"; }
    listed -type d -printf 'directory %p %m %u %g\\n' -o -type l -printf 'link %p %l\\n' -o -printf 'file %p %m %u %g\\n'
    listed -type f -exec md5sum {} +
    nft --stateless list ruleset | sed 's/^/rule /'
    getent passwd; getent group; dpkg-query --show --showformat 'package \${Package} \${Version} \${db:Status-Status}\\n'
    ls /run/units | sed 's/^/runs /'
    ip -brief link | awk '!/^veth/ { sub("@.*", "", $1); print "interface", $1 }'
    command -v docker >/dev/null || exit 0
    docker ps --all --format 'container {{.Names}}'; docker volume ls --format 'volume {{.Name}}'; docker network ls --format 'network {{.Name}}'
    docker images --format 'image {{.Repository}}:{{.Tag}} {{.ID}}'`);
  return printed.split('\n').sort();
}

/** What is on a machine now that was not, and the other way round. */
export async function changesSince(before: readonly string[], host: TestHost): Promise<string[]> {
  const now = await inventory(host);
  return [...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`), ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`)];
}
