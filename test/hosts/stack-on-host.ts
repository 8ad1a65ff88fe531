import { execFileSync } from 'node:child_process';
import type { Wanted } from '../../host/firewall/wanted.ts';
import type { TestHost } from './host.ts';
import type { Lab } from './lab.ts';

/** The bridges of the stack on the test hosts. */
export const bridges = 'db5eed00-';

/** What the firewall is told about a stack whose front and containers share a machine. */
export const onOneHost: Omit<Wanted, 'target'> = {
  stack: 'try-out',
  enforcer: 'auto',
  bridges,
  publicPorts: [80, 443],
  privatePorts: [18080, 18081, 18082],
  upstream: { bridge: `${bridges}edge`, ports: [8080, 8082] },
};

/** As Pulumi's command runs it: from the user's machine, through ssh. Returns what it says. */
export function firewall(lab: Lab, command: 'apply' | 'remove', wanted: Wanted): string {
  return execFileSync(process.execPath, ['host/firewall.ts', command], { input: JSON.stringify(wanted), encoding: 'utf8', env: { ...process.env, ...lab.environment }, stdio: 'pipe' });
}

/**
 * Stands in for a stack: the same networks, published ports and host network, with a small web server in each container.
 * @param publish address on which the app's ports listen
 */
export async function standUp(host: TestHost, publish = '127.0.0.1'): Promise<void> {
  await makeSmallImage(host);
  for (const role of ['edge', 'data'])
    await host.run(`docker network create -o com.docker.network.bridge.name=${bridges}${role} -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1 ${role} >/dev/null`);
  await host.run(`docker run -d --stop-timeout 1 --name server --restart unless-stopped --network edge -p ${publish}:18080:8080 -p 127.0.0.1:18082:8082 small /bin/busybox sh -c '/bin/busybox httpd -p 8082; exec /bin/busybox httpd -f -p 8080'
    docker run -d --stop-timeout 1 --name keycloak --restart unless-stopped --network edge -p ${publish}:18081:8080 small /bin/busybox httpd -f -p 8080
    docker run -d --stop-timeout 1 --name database --restart unless-stopped --network data small /bin/busybox httpd -f -p 5432`);
}

/** `small`, with a web server in it. */
export async function makeSmallImage(host: TestHost): Promise<void> {
  await host.run('mkdir -p /tmp/image/bin && cp /usr/bin/busybox /tmp/image/bin/ && tar -C /tmp/image -c . | docker import - small >/dev/null && rm -r /tmp/image');
}

export async function standUpFront(host: TestHost): Promise<void> {
  await host.run(`docker run -d --stop-timeout 1 --name front --restart unless-stopped --network host small /bin/busybox sh -c '/bin/busybox httpd -p [::]:80; exec /bin/busybox httpd -f -p [::]:443'`);
}

/** Publishing that goes past what the stack asks for, in each way there is. The last listens by Docker's userland proxy. */
export async function publishByMistake(host: TestHost, network = 'data'): Promise<void> {
  const mistakes = ['5432:5432', '0.0.0.0:6432:5432', '[::]:7432:5432'];
  for (const [index, ports] of mistakes.entries()) await host.run(`docker run -d --stop-timeout 1 --name mistake${index} --restart unless-stopped --network ${network} -p ${ports} small /bin/busybox httpd -f -p 5432`);
}

/** Everything about a host that a stack may have changed in its firewall. Docker's rules for containers, whose addresses come and go, are left out. */
export async function imprint(host: TestHost): Promise<string[]> {
  const printed = await host.run(`
    ls -R /etc/systemd/system
    if [ -d /etc/drawbridge ]; then find /etc/drawbridge -type f -exec md5sum {} +; fi
    nft -s list ruleset | grep -v '172\\.' | sort
    ufw status numbered; cat /etc/ufw/user.rules /etc/ufw/user6.rules
    if firewall-cmd --state >/dev/null 2>&1; then firewall-cmd --list-all-zones; firewall-cmd --permanent --list-all-zones; firewall-cmd --permanent --get-services; fi
    find /etc/firewalld -type f -not -name '*.old' -exec md5sum {} +`);
  return printed.split('\n');
}
