// What the launcher decides, apart from doing it. Plain JavaScript: it runs on any Node from 20 on, with nothing installed.

/** The Node that is fetched where the machine's own is too old. */
export const FETCHED_NODE = '24.21.0';

/**
 * Which Node runs the program: `running` the one that runs now; `fetched` one of our own, because this one cannot run
 * TypeScript as it is (22.18 and 23.6 were the first that could) and its packages (undici asks for 22.19); `unsupported` none, because this one is below 20.
 * @param {string} version as in `process.versions.node`
 * @returns {'running' | 'fetched' | 'unsupported'}
 */
export function nodeFor(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 20) return 'unsupported';
  if (major === 22) return minor >= 19 ? 'running' : 'fetched';
  if (major === 23) return minor >= 6 ? 'running' : 'fetched';
  return major > 23 ? 'running' : 'fetched';
}

/**
 * The npm package that holds a Node binary. The package `node` would pick the right one in an install script, and npm
 * from 11 on runs none.
 * @param {string} platform as in `process.platform`
 * @param {string} arch as in `process.arch`
 */
export const nodePackage = (platform, arch) => `node-${platform === 'win32' ? 'win' : platform}-${arch}`;

/**
 * Whether what is installed is what the lock file says. Packages for other platforms are locked and never installed.
 * @typedef {{ packages?: Record<string, { version?: string, integrity?: string, optional?: boolean }> }} Lock
 * @param {Lock} lock package-lock.json
 * @param {Lock | undefined} installed node_modules/.package-lock.json, which npm writes last of all
 * @returns {boolean}
 */
export function isInstalled(lock, installed) {
  const there = installed?.packages;
  if (!there) return false;
  return Object.entries(lock.packages ?? {}).every(([path, wanted]) => {
    if (path === '') return true;
    const found = there[path];
    return found ? found.version === wanted.version && found.integrity === wanted.integrity : wanted.optional === true;
  });
}
