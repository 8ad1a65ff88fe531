/** A machine as ssh knows it. */
export interface SshTarget {
  readonly user: string;
  readonly host: string;
  /** Undefined: what ~/.ssh/config says, or 22. */
  readonly port?: number;
}

/** The machine of `ssh://user@host[:port]`; undefined for `local`. */
export function parseTarget(target: string): SshTarget | undefined {
  if (target === 'local') return undefined;
  const { protocol, username, hostname, port } = new URL(target);
  if (protocol !== 'ssh:' || !username || !hostname) throw new Error(`${target} is neither local nor ssh://user@host[:port]`);
  return { user: decodeURIComponent(username), host: hostname.replace(/^\[|\]$/g, ''), ...(port && { port: Number(port) }) };
}

/**
 * Arguments for the user's own ssh, with their agent, keys, ~/.ssh/config and known_hosts. Host keys are checked as they say, and
 * nothing asks (BatchMode): whoever answered would be a script. A machine that falls silent ends the connection. Whatever the
 * ~/.ssh/config says, the agent is not lent to the machine, whose root could sign in elsewhere with it.
 * @param more options of ssh
 */
export function sshArguments({ user, host, port }: SshTarget, command: string, more: readonly string[] = []): string[] {
  const options = ['BatchMode=yes', 'ConnectTimeout=15', 'ServerAliveInterval=15', 'ServerAliveCountMax=4', 'ForwardAgent=no', 'ForwardX11=no'].flatMap((option) => ['-o', option]);
  return [...options, ...more, '-T', '-l', user, ...(port ? ['-p', String(port)] : []), '--', host, command];
}

/** How a person signs in there: `ssh -p 2222 user@host`. */
const sshCommand = ({ user, host, port }: SshTarget): string => `ssh ${port ? `-p ${port} ` : ''}${user}@${host}`;

/** What ssh's own words mean, and what to do; undefined where they are none of these. */
export function explainSsh(target: SshTarget, said: string): string | undefined {
  const { host, user, port } = target;
  const known = port && port !== 22 ? `'[${host}]:${port}'` : host;
  const fingerprint = 'its fingerprint is printed, on the machine itself, by `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`';
  const meanings: [RegExp, string][] = [
    // First: ssh says "verification failed" after it as well. Somebody in between would look just so.
    [/REMOTE HOST IDENTIFICATION HAS CHANGED/, `the host key of ${host} is not the one you know: another machine may be answering in its place. Find out why (${fingerprint}); if it is right, \`ssh-keygen -R ${known}\`, then \`${sshCommand(target)}\` once`],
    [/Host key verification failed|No \S+ host key is known/, `the host key of ${host} is unknown here: run \`${sshCommand(target)}\` once and compare the fingerprint before you say yes (${fingerprint})`],
    [/Permission denied \(|Too many authentication failures/, `${host} does not let ${user} in with any of your keys: add one to ssh-agent (ssh-add), or give it yours (ssh-copy-id${port ? ` -p ${port}` : ''} ${user}@${host})`],
    [/Could not resolve hostname/, `there is no address for ${host}: correct the name, or add it to ~/.ssh/config`],
    [/Connection refused/, `nothing listens for ssh on ${host}, port ${port ?? 22}: start sshd there, or correct the port`],
    [/timed out|No route to host|Network is unreachable/, `${host} does not answer on port ${port ?? 22}: see whether it is up, and whether a firewall lets you in`],
  ];
  return meanings.find(([words]) => words.test(said))?.[1];
}
