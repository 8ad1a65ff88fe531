import { directory } from './facts.ts';
import { ruleComment } from './wanted.ts';

export const unitName = (stack: string): string => `drawbridge-${stack}-firewall.service`;

/**
 * Brings the table, and what a tool forgets, back at each start, before Docker publishes a port. Debian's nftables.service flushes
 * everybody's rules whenever it starts, stops or reloads: so each of these takes this unit along.
 */
export const renderUnit = (stack: string): string => `[Unit]
Description=${ruleComment(stack)}: nothing but the front is reachable
After=nftables.service iptables.service ip6tables.service netfilter-persistent.service ufw.service
Before=docker.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${directory(stack)}/firewall.sh
ExecReload=/bin/sh ${directory(stack)}/firewall.sh

[Install]
WantedBy=multi-user.target nftables.service
`;
