import { familyOf, ruleComment, tableName, type Wanted } from './wanted.ts';

const set = (values: readonly (number | string)[]): string => `{ ${values.join(', ')} }`;
const lines = (...rules: (string | false | undefined)[]): string => rules.filter(Boolean).map((rule) => `    ${rule}`).join('\n');

/**
 * The stack's own table. Ports that Docker publishes pass before ufw and firewalld see them, and rules in Docker's chains are lost
 * when a firewall reloads; a table of one's own stays, and a drop in it is final whatever other tables say. Loading it replaces
 * the one before in one transaction.
 */
export function renderTable({ stack, bridges, privatePorts, proxy, connectors, upstream }: Wanted): string {
  const table = `inet ${tableName(stack)}`;
  const ours = `"${bridges}*"`;
  const onLoopback = [...privatePorts, ...(connectors ? [connectors.front, ...connectors.metrics] : [])];
  const answers = 'tcp flags & (syn | ack) == syn | ack meta skuid';
  const fromProxy = proxy && `${familyOf(proxy.address)} saddr ${proxy.address}`;
  return `# ${ruleComment(stack)}: made by its \`up\`, removed by its \`destroy\`.
table ${table}
delete table ${table}
table ${table} {
  # Before connection tracking and Docker's address translation.
  chain prerouting {
    type filter hook prerouting priority -310; policy accept;
${lines(
  'iifname "lo" accept',
  // A neighbour's packet to 127.0.0.1 would be translated to the container before the kernel finds it strange (moby#45610).
  'ip daddr 127.0.0.0/8 drop',
  'ip saddr 127.0.0.0/8 drop',
  'ip6 daddr ::1 drop',
  'ip6 saddr ::1 drop',
  fromProxy && `${fromProxy} tcp dport ${set(proxy.ports)} accept`,
  onLoopback.length > 0 && `fib daddr type local tcp dport ${set(onLoopback)} drop`,
)}
  }
  # A neighbour with a route to the containers' addresses (moby#41872), and ports that were published by mistake.
  chain forward {
    type filter hook forward priority -10; policy accept;
${lines(
  // Where clouds hand out a machine's own credentials to whatever asks from it. Some have their DNS there as well.
  `iifname ${ours} ip daddr 169.254.169.254 tcp dport != 53 drop`,
  `iifname ${ours} ip6 daddr fd00:ec2::254 tcp dport != 53 drop`,
  `oifname != ${ours} accept`,
  'ct state established,related accept',
  `iifname ${ours} accept`,
  fromProxy && `${fromProxy} ct status dnat meta l4proto tcp ct original proto-dst ${set(proxy.ports)} accept`,
  'drop',
)}
  }
  # Docker's userland proxy listens for a published port and calls the container from here: so it is with IPv6.
  chain output {
    type filter hook output priority -10; policy accept;
${lines(
  // Any user of the machine could listen where the gateway or Keycloak does not at the moment, and be sent tokens. Docker and nginx listen as root.
  upstream && `tcp sport ${set(privatePorts)} ${answers} != 0 drop`,
  connectors && `tcp sport ${connectors.front} ${answers} != ${connectors.user} drop`,
  `oifname != ${ours} accept`,
  'ct state established,related accept',
  'meta l4proto { icmp, ipv6-icmp } accept',
  upstream && `oifname "${upstream.bridge}" tcp dport ${set(upstream.ports)} accept`,
  'drop',
)}
  }
}
`;
}
