import type { Lines } from './blocks.ts';

/**
 * Registrations are the one thing a stranger can have Keycloak keep. Each address has its share of them: a hosted client
 * registers for many people from a few addresses, so it is a large one, and still too small to fill the realm before
 * Keycloak removes what nobody signs in through.
 */
export const registrationZone: Lines = [
  // Whoever has one IPv6 address has 2^64 of them: their network counts.
  ['map $binary_remote_addr $registering_network {', 'default $binary_remote_addr;', '"~(?s)^(?<network>.{8}).{8}$" $network;', '}'],
  'limit_req_zone $registering_network zone=registration:1m rate=60r/m;',
  'limit_req_status 429;',
];

export const registrationLimit: Lines = ['limit_req zone=registration burst=60 nodelay;'];
