/** Features of Keycloak that are off by default. They are options of its build, so that the image is another with them. */
export type Feature = 'cimd' | 'resource-indicators';

export interface FeatureSwitches {
  readonly clientIdMetadata: 'auto' | 'on' | 'off';
  readonly resourceIndicators: boolean;
}

/**
 * The features that a config asks for, of the version that is pinned. With `cimd` on, 26.7 says in its metadata that it takes
 * client id metadata documents, Claude believes it, and Keycloak refuses Claude's, which lists jwt-bearer: only 26.8 passes over that.
 * @param version of Keycloak: `26.7.4`
 */
export function features({ clientIdMetadata, resourceIndicators }: FeatureSwitches, version: string): Feature[] {
  const documents = clientIdMetadata === 'on' || (clientIdMetadata === 'auto' && passesOverGrantTypes(version));
  return [...(documents ? (['cimd'] as const) : []), ...(resourceIndicators ? (['resource-indicators'] as const) : [])];
}

/** Whether the executor has the option to leave out grant types that a public client cannot use. */
export function passesOverGrantTypes(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 26 || (major === 26 && minor >= 8);
}
