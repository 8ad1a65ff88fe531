/** The base images that Drawbridge's own images and containers start from. */
export const baseNames = ['nginx', 'node', 'keycloak', 'postgres', 'certbot', 'pebble', 'cloudflared'] as const;
export type BaseName = (typeof baseNames)[number];

export interface BaseVersion {
  /** Repository of the official image. */
  readonly repository: string;
  /** Its version tag. The digest is not written here: the registry is asked for it, and the stack keeps the answer. */
  readonly tag: string;
  /** Version of the stand-in's main package. Debian's freeze keeps it; apt fails the build if it ever moves. None: no package registry has the program. */
  readonly standIn?: string;
}

export const versions: Record<BaseName, BaseVersion> = {
  nginx: { repository: 'nginx', tag: '1.30.4-trixie', standIn: '1.26.3' },
  node: { repository: 'node', tag: '24.21.0-trixie-slim', standIn: '24.21.0' },
  keycloak: { repository: 'quay.io/keycloak/keycloak', tag: '26.7.4', standIn: '26.7.4' },
  postgres: { repository: 'postgres', tag: '17.11-trixie', standIn: '17' },
  certbot: { repository: 'certbot/dns-cloudflare', tag: 'v5.6.0', standIn: '4.0.0' },
  pebble: { repository: 'ghcr.io/letsencrypt/pebble', tag: '2.10.1', standIn: '2.6.0' },
  cloudflared: { repository: 'cloudflare/cloudflared', tag: '2026.8.2' },
};

/** npm in the node stand-in. */
export const npmVersion = '11.21.2';

/** Debian release of every stand-in. */
export const debianSuite = 'trixie';

/** The official image by its version tag: `quay.io/keycloak/keycloak:26.7.4`. */
export function officialReference(name: BaseName): string {
  return `${versions[name].repository}:${versions[name].tag}`;
}
