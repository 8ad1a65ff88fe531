import type { ServerConfig } from '../config.ts';
import type { ConfigProblem } from './rules.ts';
import { type SecretsByName, secretRules } from './secret-rules.ts';
import { isLoopback, isPrivate } from '../../host/where.ts';

// What hands the host to whoever can read or write it: accounts, devices, the kernel, and the sockets of root's daemons.
const HOST_OWN = ['/etc', '/proc', '/sys', '/dev', '/boot', '/run', '/var/run', '/var/lib/docker', '/var/lib/containerd', '/var/lib/kubelet', '/var/lib/systemd', '/var/spool', '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64'];
// Homes as a whole, and what begins with a dot there: keys, tokens, and what a shell runs.
const HOMES = /^\/(root|home|home\/[^/]+)(\/\..*)?$/;

// What containers are made of. Of SYSTEM all is taken together, and not each file: a server may need an /etc/my.conf.
const SYSTEM = ['/etc', '/usr', '/lib', '/lib64', '/bin', '/sbin', '/run'];
const KERNEL = ['/proc', '/sys', '/dev'];

// The gateway writes these itself, or they belong to a single connection (RFC 9110 §7.6.1).
const NOT_FOR_CREDENTIALS = /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|accept|mcp-.*|drawbridge-.*)$/i;

/** What may not stand behind a server, and what may not be handed to it. */
export function backendRules(server: ServerConfig, at: string, secrets: SecretsByName | undefined): ConfigProblem[] {
  const { backend, identity, credential } = server;
  const problems: ConfigProblem[] = [];
  const external = backend !== 'builtin' && !('command' in backend);
  for (const [key, value] of Object.entries({ identity, credential }))
    if (value !== undefined && !external)
      problems.push({ path: `${at}.${key}`, message: 'is for backends {image} and {url} only: builtin and {command} are always told who calls; remove it' });
  if (credential) {
    if (NOT_FOR_CREDENTIALS.test(credential.header)) problems.push({ path: `${at}.credential.header`, message: `must not be ${credential.header}, which the gateway sets itself: name another` });
    problems.push(...secretRules(credential.secret, `${at}.credential.secret`, secrets, 'header'));
  }
  if (backend === 'builtin') return problems;
  if ('url' in backend) return [...problems, ...urlRules(backend.url, `${at}.backend.url`, credential !== undefined)];
  if ('command' in backend && /\s/.test(backend.command) && backend.args.length === 0)
    problems.push({ path: `${at}.backend.command`, message: `is the name of a program and nothing else: put the rest into args, as in command: ${backend.command.split(/\s+/)[0]}, args: [${backend.command.trim().split(/\s+/).slice(1).join(', ')}]` });
  for (const [name, value] of Object.entries(backend.env))
    if (typeof value !== 'string') problems.push(...secretRules(value.secret, `${at}.backend.env.${name}`, secrets));
  backend.mounts.forEach(({ source, target }, index) => {
    const path = `${at}.backend.mounts[${index}]`;
    if (handsOverHost(source)) problems.push({ path: `${path}.source`, message: `must not be ${source}, which hands this machine to the server: mount a directory with just what it needs` });
    const twin = backend.mounts.slice(0, index).findIndex((other) => other.target === target);
    if (twin >= 0) problems.push({ path: `${path}.target`, message: `is taken: mounts[${twin}] has ${target} already. Choose another` });
    const own = [...KERNEL, '/tmp', ...('command' in backend ? ['/data', '/home/node', '/app'] : [])];
    const taken = [...SYSTEM, ...own].find((each) => isWithin(each, target)) ?? own.find((each) => isWithin(target, each));
    if (taken) problems.push({ path: `${path}.target`, message: `is taken: ${taken} is the container’s own. Choose another, for example /files` });
  });
  return problems;
}

function urlRules(text: string, path: string, hasCredential: boolean): ConfigProblem[] {
  const { protocol, hostname, username, password } = new URL(text);
  const problems: ConfigProblem[] = [];
  if (username || password) problems.push({ path, message: 'has a user or a password in it, which everyone could read in the state: use credential' });
  if (isLoopback(hostname))
    problems.push({ path, message: 'is the gateway’s own container, not this machine: use http://host.docker.internal:PORT, and let the server listen on more than 127.0.0.1' });
  else if (protocol === 'http:' && hasCredential && !isPrivate(hostname)) problems.push({ path, message: 'would carry the credential over the internet in clear text: use https' });
  return problems;
}

/** Whether a directory is the host's own, or has something of it below. */
function handsOverHost(source: string): boolean {
  return source.endsWith('.sock') || HOMES.test(source) || HOST_OWN.some((own) => isWithin(own, source) || isWithin(source, own));
}

/** Whether a path is a directory itself, or below it. */
const isWithin = (path: string, directory: string): boolean => `${path}/`.startsWith(directory === '/' ? directory : `${directory}/`);
