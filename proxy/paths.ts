/**
 * The characters that our paths consist of. Every hop reads a path in its own way: nginx matches locations against a decoded,
 * normalised one, a tunnel's connector against a decoded one, and Keycloak decodes and normalises again. Only a path that all
 * read the same may pass (/auth/%61dmin, /x/..%2fadmin, /x;a/..).
 */
export const PATH_CHARACTERS = 'A-Za-z0-9._~@-';

const WILDCARD = '[a-z0-9-]+';

/**
 * A path as a regular expression, in PCRE and RE2 alike. The dot is the only one of these characters that means something there.
 * @param wildcard what stands for a `*` of a route
 */
export const literally = (path: string, wildcard = WILDCARD): string => path.replaceAll('.', '\\.').replace('*', wildcard);

/** Whether a route is for more paths than one. */
export const hasWildcard = (path: string): boolean => path.includes('*');

/** By a name: what is only numbered is lost when nginx looks at the next regular expression. */
export const CAPTURED_WILDCARD = `(?<wildcard>${WILDCARD})`;
