import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../infra/config.ts';
import { problemsOf as configProblems } from '../support/config-problems.ts';

const local = { profile: 'local' };
const secrets = { github: 'a-token-of-github-1234', cut: 'ends in a line break\n' };

/** What is wrong with one server beside others that are right. */
const problemsOf = (server: Record<string, unknown>, more: Record<string, unknown> = {}) => configProblems({ secrets, servers: [{ name: 'files', path: '/files', ...server }], ...more });

describe('a backend', () => {
  it.each([
    ['builtin', 'builtin'],
    ['an image, at /mcp', { image: 'ghcr.io/owner/server:1.2@sha256:' + 'a'.repeat(64), port: 3000 }],
    ['an image of this machine', { image: 'my-server', port: 3000, path: '/', env: { LEVEL: 'debug', TOKEN: { secret: 'github' } } }],
    ['a URL', { url: 'https://mcp.example.net/v1/mcp?tenant=a' }],
    ['a URL on a network of one’s own', { url: 'http://192.168.1.4:8000/mcp' }],
    ['a server on this machine', { url: 'http://host.docker.internal:8000/mcp' }],
    ['a command', { command: 'npx', args: ['-y', 'a-package'], env: { TOKEN: { secret: 'github' } }, processes: 'shared' }],
    ['a command with a directory of this machine', { command: 'npx', mounts: [{ source: '/srv/files', target: '/files' }] }],
  ])('may be %s', (_, backend) => {
    expect(problemsOf({ backend })).toEqual([]);
  });

  it('has defaults: an image serves at /mcp, a command has a process for each user, and directories are read-only, under one name however written', () => {
    const servers = [
      { name: 'a', path: '/a', scopes: ['a'], backend: { image: 'x', port: 1, mounts: [{ source: '/s', target: '//t/' }] } },
      { name: 'b', path: '/b', scopes: ['b'], backend: { command: 'npx' } },
    ];
    expect(parseConfig({ ...local, servers }).servers.map(({ backend }) => backend)).toEqual([
      { image: 'x', port: 1, path: '/mcp', env: {}, mounts: [{ source: '/s', target: '/t', readOnly: true }] },
      { command: 'npx', args: [], env: {}, mounts: [], processes: 'per-user' },
    ]);
  });

  it.each([
    ['of no kind', 'docker', /^servers\[0\]\.backend is none of: builtin, \{image/],
    ['of no kind', { port: 80 }, /^servers\[0\]\.backend is none of/],
    ['with a misspelt key', { image: 'x', port: 80, pth: '/' }, /^servers\[0\]\.backend\.pth is not a known key/],
    ['without a port', { image: 'x' }, /^servers\[0\]\.backend\.port is missing: for example 3000/],
    ['with an image name that is none', { image: 'Some Server', port: 80 }, /^servers\[0\]\.backend\.image is no image name: for example/],
    ['with a path that is none', { image: 'x', port: 80, path: 'mcp' }, /^servers\[0\]\.backend\.path must be a path/],
    ['with another protocol', { url: 'ftp://example.net/' }, /^servers\[0\]\.backend\.url is no http or https URL/],
    ['with a password in its URL', { url: 'https://user:pw@example.net/mcp' }, /^servers\[0\]\.backend\.url has a user or a password in it.*credential$/],
    ['that is the gateway itself', { url: 'http://localhost:8000/mcp' }, /^servers\[0\]\.backend\.url is the gateway’s own container.*host\.docker\.internal/],
    ['that is the gateway itself', { url: 'http://[::1]:8000/mcp' }, /gateway’s own container/],
    ['with a number as a variable', { command: 'x', env: { PORT: 80 } }, /^servers\[0\]\.backend\.env\.PORT is neither a text nor \{secret: name\}: put a number or a true in quotes/],
    ['with a variable that has no name', { command: 'x', env: { 'A B': '1' } }, /^servers\[0\]\.backend\.env\.A B is no name of an environment variable/],
    ['with a secret that is not there', { command: 'x', env: { T: { secret: 'gitlab' } } }, /^servers\[0\]\.backend\.env\.T names the secret gitlab, which drawbridge:secrets does not have: `pulumi config set --secret/],
    ['with processes of another kind', { command: 'x', processes: 'many' }, /^servers\[0\]\.backend\.processes is none of: per-user, shared/],
    ['with a directory that is not absolute', { command: 'x', mounts: [{ source: './files', target: '/f' }] }, /mounts\[0\]\.source must be an absolute path/],
    ['with a directory that climbs', { command: 'x', mounts: [{ source: '/../etc', target: '/f' }] }, /mounts\[0\]\.source must be an absolute path without/],
    ['that mounts over everything', { command: 'x', mounts: [{ source: '/srv', target: '/' }] }, /mounts\[0\]\.target must not be the root/],
    ['that mounts over everything, written in another way', { command: 'x', mounts: [{ source: '/srv', target: '//' }] }, /mounts\[0\]\.target must not be the root/],
    ['with two directories in one place', { image: 'x', port: 80, mounts: [{ source: '/srv/a', target: '/files' }, { source: '/srv/b', target: '//files/' }] }, /mounts\[1\]\.target is taken: mounts\[0\] has \/files already/],
  ])('%s is refused, with the place and the remedy', (_, backend, message) => {
    expect(problemsOf({ backend })).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    ...['/', '//', '/etc', '/etc/passwd', '/var', '/proc', '/sys/kernel', '/dev', '/var/run/docker.sock', '/srv/docker.sock', '/run/podman', '/var/lib/docker/volumes', '/usr/bin/', '/lib64', '/lib32'],
    // What root runs by the clock, and what starts with the machine.
    ...['/var/spool/cron', '/var/lib/kubelet', '/var/lib/systemd'],
    // Keys and tokens of who runs the machine.
    ...['/root', '/root/.pulumi', '/root//.aws/', '/home', '/home/ann', '/home/ann/', '/home/ann/.ssh', '/home/ann/.config/gcloud', '/home/ann/.docker/config.json'],
  ])('never gets %s, which hands the machine to the server', (source) => {
    for (const backend of [{ command: 'x', mounts: [{ source, target: '/host' }] }, { image: 'x', port: 1, mounts: [{ source, target: '/host' }] }])
      expect(problemsOf({ backend })).toEqual([expect.stringMatching(/mounts\[0\]\.source must not be .* hands this machine to the server/)]);
  });

  it.each(['/home/ann/files', '/home/ann/files/.git', '/root/files', '/srv/.hidden', '/library'])('may have %s', (source) => {
    expect(problemsOf({ backend: { command: 'x', mounts: [{ source, target: '/host' }] } })).toEqual([]);
  });

  describe('with a directory in the container', () => {
    const takenOf = (backend: object, target: string) => problemsOf({ backend: { ...backend, mounts: [{ source: '/srv', target }] } });
    const [command, image] = [{ command: 'x' }, { image: 'x', port: 1 }];

    it.each(['/data', '/data/x', '/home/node', '/app', '//data', '/data/', '/home'])('of a command: %s is the container’s own', (target) => {
      expect(takenOf(command, target)).toEqual([expect.stringMatching(/mounts\[0\]\.target is taken: .* is the container’s own\. Choose another/)]);
    });

    it.each(['/tmp', '/tmp/x', '/proc', '/proc/sys', '/sys', '/dev/shm', '/etc', '/usr', '/lib', '/lib64/', '//bin', '/sbin', '/run'])('of any: %s is the container’s own', (target) => {
      for (const backend of [command, image]) expect(takenOf(backend, target)).toEqual([expect.stringMatching(/mounts\[0\]\.target is taken: .* is the container’s own\. Choose another/)]);
    });

    it.each(['/etc/my.conf', '/usr/share/my-server', '/run/my-server', '/database', '/home/ann'])('of any: %s may be another’s', (target) => {
      for (const backend of [command, image]) expect(takenOf(backend, target)).toEqual([]);
    });

    it.each(['/data', '/home', '/app'])('of an image: %s is nothing of ours', (target) => {
      expect(takenOf(image, target)).toEqual([]);
    });
  });

  it.each(['https://localhost:8443/files', 'https://mcp.example.org/files', 'https://mcp.example.org:443/other/'])('never is the stack itself: %s', (url) => {
    const servers = [{ name: 'files', path: '/files', backend: { url } }, { name: 'other', path: '/other', scopes: ['other'] }];
    const raw = url.includes('localhost') ? { profile: 'local', servers } : { profile: 'production', host: 'mcp.example.org', servers };
    expect(() => parseConfig(raw)).toThrow(/backend\.url is (the gateway’s own container|an address of this stack itself)/);
  });
});

it('the example of docs/servers.md is right', () => {
  const [, example] = /## Your own servers[^]*?```yaml\n([^]*?)```/.exec(readFileSync('docs/servers.md', 'utf8'))!;
  const given = Object.entries((parse(example!) as { config: Record<string, unknown> }).config).map(([key, value]) => [key.replace('drawbridge:', ''), value]);
  expect(parseConfig({ ...Object.fromEntries(given), secrets: { issues: 'x' } }).servers.map(({ name }) => name)).toEqual(['files', 'issues']);
});

describe('what a backend is told', () => {
  const url = { url: 'https://mcp.example.net/mcp' };

  it.each([
    ['identity of an image', { backend: { image: 'x', port: 1 }, identity: 'signed' }],
    ['identity of a URL', { backend: url, identity: 'plain' }],
    ['a credential', { backend: url, credential: { secret: 'github' } }],
    ['a credential in a header of its own', { backend: url, credential: { secret: 'github', header: 'X-Api-Key' } }],
    ['a credential on a network of one’s own', { backend: { url: 'http://10.1.2.3/mcp' }, credential: { secret: 'github' } }],
  ])('may be %s', (_, server) => {
    expect(problemsOf(server)).toEqual([]);
  });

  it.each([
    ['identity of builtin', { identity: 'plain' }, /^servers\[0\]\.identity is for backends \{image\} and \{url\} only/],
    ['a credential of a command', { backend: { command: 'x' }, credential: { secret: 'github' } }, /^servers\[0\]\.credential is for backends/],
    ['a secret that is not there', { backend: url, credential: { secret: 'gitlab' } }, /^servers\[0\]\.credential\.secret names the secret gitlab/],
    ['a secret that no header can hold', { backend: url, credential: { secret: 'cut' } }, /^servers\[0\]\.credential\.secret is the secret cut, which cannot be sent in a header: it has a line break/],
    ['a header that is the gateway’s', { backend: url, credential: { secret: 'github', header: 'Mcp-Session-Id' } }, /^servers\[0\]\.credential\.header must not be Mcp-Session-Id/],
    ['a header that is none', { backend: url, credential: { secret: 'github', header: 'X Key' } }, /^servers\[0\]\.credential\.header is no header name/],
    ['a credential in clear text', { backend: { url: 'http://mcp.example.net/mcp' }, credential: { secret: 'github' } }, /^servers\[0\]\.backend\.url would carry the credential over the internet in clear text: use https/],
  ])('is never %s', (_, server, message) => {
    expect(problemsOf(server)).toEqual([expect.stringMatching(message)]);
  });
});

describe('scopes', () => {
  const scopes = ['files:read', 'files:write'];

  it('may be needed for tools, resources and prompts, by name or by a beginning of it, and may include each other', () => {
    const maps = { tools: { 'write_*': 'files:write', '*': 'files:read' }, resources: { 'file:///etc/*': 'files:write' }, prompts: { edit: 'files:write' } };
    expect(problemsOf({ scopes, ...maps, implies: { 'files:write': ['files:read'] } })).toEqual([]);
  });

  it.each([
    ['tools', { tools: { write: 'files:admin' } }, /^servers\[0\]\.tools\.write names the scope files:admin, which servers\[0\]\.scopes does not list: add it there/],
    ['resources', { resources: { 'file:///*': 'files:admin' } }, /^servers\[0\]\.resources\.file:\/\/\/\* names the scope files:admin/],
    ['prompts', { prompts: { edit: 'files:admin' } }, /^servers\[0\]\.prompts\.edit names the scope files:admin/],
    ['implies', { implies: { 'files:write': ['files:admin'] } }, /^servers\[0\]\.implies\.files:write names the scope files:admin/],
    ['implies, on its left', { implies: { 'files:admin': ['files:read'] } }, /^servers\[0\]\.implies\.files:admin names the scope files:admin/],
    ['consent', { consent: { 'files:admin': 'Everything' } }, /^servers\[0\]\.consent\.files:admin names the scope files:admin/],
    ['a pattern with a * in the middle', { tools: { 'a*b': 'files:read' } }, /^servers\[0\]\.tools\.a\*b has a \* that is not at its end/],
  ])('that the server does not list, or that nothing could match, are refused: %s', (_, server, message) => {
    expect(problemsOf({ scopes, ...server })).toEqual([expect.stringMatching(message)]);
  });

  it.each([['a name of a message of Keycloak’s', '${offlineAccessScopeConsentText}'], ['two lines', 'Read\nfiles:read for https://elsewhere.example'], ['text that turns the writing direction', 'Read \u202e'], ['nothing', '']])(
    'are described to people in one plain line, not with %s',
    (_, text) => {
      expect(problemsOf({ scopes, consent: { 'files:read': 'Read your files' } })).toEqual([]);
      expect(problemsOf({ scopes, consent: { 'files:read': text } })).toEqual([expect.stringMatching(/^servers\[0\]\.consent\.files:read must be one line/)]);
    },
  );

  it('of several servers that all have the default ones are refused once for each, with what to write', () => {
    const servers = ['files', 'mail', 'git'].map((name) => ({ name, path: `/${name}` }));
    expect(problemsOf({}, { servers })).toEqual([
      expect.stringMatching(/^servers\[1\]\.scopes shares mcp:read, mcp:write with the server files, .*the default is mcp:read and mcp:write.*\[mail:read, mail:write\]$/),
      expect.stringMatching(/^servers\[2\]\.scopes shares mcp:read, mcp:write with the server files, .*\[git:read, git:write\]$/),
    ]);
  });
});
