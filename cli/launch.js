// The way in of every npm script. Brings a fresh clone to the point where TypeScript runs, then runs cli/main.ts.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FETCHED_NODE, isInstalled, nodeFor, nodePackage } from './launch-plan.js';

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`${line}\n`);

function stop(...lines) {
  lines.forEach(say);
  process.exit(1);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Makes `node` on the PATH the one that runs now, so that npm and every child use the same. */
function putFirst(node) {
  const path = process.env.PATH ?? '';
  const found = path.split(delimiter).map((directory) => join(directory, 'node')).find((candidate) => existsSync(candidate));
  if (!found || realpathSync(found) !== realpathSync(node)) process.env.PATH = `${dirname(node)}${delimiter}${path}`;
}

function npm(args, remedy) {
  // npm's own words go to stderr: stdout belongs to the command, which may be printing JSON.
  const { status, error } = spawnSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd: project, stdio: ['inherit', 2, 2] });
  if (error) stop(`npm could not be started (${error.message}).`, 'Install npm (on Debian and Ubuntu: apt-get install npm) and run this again.');
  if (status !== 0) stop(`npm ${args.join(' ')} failed; its words are above.`, remedy);
}

/** The path of a Node that is new enough, fetched once. */
function fetchNode() {
  const home = join(project, '.drawbridge', 'node');
  const name = nodePackage(process.platform, process.arch);
  const binary = join(home, 'node_modules', name, 'bin', 'node');
  const recorded = readJson(join(home, 'node_modules', '.package-lock.json'))?.packages?.[`node_modules/${name}`]?.version;
  if (recorded !== FETCHED_NODE || !existsSync(binary)) {
    say(`Node ${process.versions.node} is too old for Drawbridge (22.19 is the oldest): installing Node ${FETCHED_NODE} into .drawbridge/node …`);
    mkdirSync(home, { recursive: true });
    npm(['install', '--prefix', home, '--no-package-lock', '--save-exact', `${name}@${FETCHED_NODE}`], 'Or install Node 22.19 or newer yourself, and run this again.');
  }
  return binary;
}

function installDependencies() {
  const lock = readJson(join(project, 'package-lock.json'));
  if (!lock) stop('package-lock.json is missing or damaged.', 'Bring it back with: git checkout package-lock.json');
  if (isInstalled(lock, readJson(join(project, 'node_modules', '.package-lock.json')))) return;
  say('Installing the dependencies that package-lock.json names (npm ci) …');
  npm(['ci'], 'Check that the npm registry is reachable, and run this again.');
}

/** Runs this launcher again with another Node, and ends as it ends. */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => stop(`${node} could not be started (${error.message}).`, 'Remove .drawbridge/node and run this again.'));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const choice = nodeFor(process.versions.node);
if (choice === 'unsupported') stop(`Drawbridge needs Node 20 or newer to start; this is Node ${process.versions.node}.`, 'Install a newer one, for example from https://nodejs.org/en/download, and run this again.');
if (choice === 'fetched') {
  runWith(fetchNode());
} else {
  putFirst(process.execPath);
  installDependencies();
  // Compiled code is kept, for this process and those that it starts: a Pulumi program loads in half the time.
  process.env.NODE_COMPILE_CACHE ??= join(project, '.drawbridge', 'compile-cache');
  (await import('node:module')).enableCompileCache();
  const { main } = await import('./main.ts');
  process.exit(await main(process.argv.slice(2)));
}
