import { LEAST_SPACE } from '../host/checks.ts';
import type { Config } from '../infra/config.ts';
import { planEngine, type SetupStep } from './engine-setup.ts';
import { CommandError } from './errors.ts';
import { type Host, thisHost } from './host.ts';
import { portsOf } from './ports.ts';
import type { Terminal } from './terminal.ts';

export interface Preparation {
  terminal: Terminal;
  /** The stack that is about to stand up: its ports must be free. */
  stack?: { name: string; config: Config };
  /** The tests sign in with a real browser. */
  browser?: boolean;
  host?: Host;
}

/** What a first `up` takes on the disk, in bytes. */
const WANTED_SPACE = 5e9;

type Step = SetupStep | { kind: 'browser'; describe: string };

/**
 * Brings the machine to the point where a stack can stand up. Everything is checked before anything is done; what has to
 * be done is told, and asked about where a person is there. Silent on a machine that needs nothing.
 * @throws CommandError with the cause and what to do
 */
export async function prepare({ terminal, stack, browser = false, host = thisHost }: Preparation): Promise<void> {
  const facts = await host.engineFacts();
  const answers = facts.answer === 'yes';
  const running = stack !== undefined && answers && (await host.frontRuns(stack.name));
  if (stack && !running) await checkPorts(host, stack.config, answers);
  const steps: Step[] = planEngine(facts);
  // iproute2 for the network namespace that the browser runs in.
  if (browser && !((await host.has('chromium')) && (await host.has('ip')))) steps.push(browserStep(facts));
  if (answers) await checkSpace(host, terminal, running);
  if (steps.length === 0) return;

  terminal.say('This machine needs some preparation first:');
  for (const { describe } of steps) terminal.say(`  - ${describe}`);
  if (!(await terminal.confirm('Go ahead?', true))) throw new CommandError('Stopped before anything was done.');
  for (const step of steps) await perform(step, host, terminal);
  if (!answers) await checkSpace(host, terminal, running);
}

/**
 * For the commands that only look or remove: they need an engine, and install none.
 * @throws CommandError where none answers
 */
export async function requireEngine(host: Host = thisHost): Promise<void> {
  const facts = await host.engineFacts();
  if (facts.answer === 'yes') return;
  const [first] = planEngine(facts);
  throw new CommandError('No Docker engine answers.', [first?.kind === 'start' ? `Start it: ${first.command?.join(' ') ?? 'dockerd &'}` : '`npm run up` installs and starts one.']);
}

async function checkPorts(host: Host, config: Config, engineAnswers: boolean): Promise<void> {
  for (const port of portsOf(config)) {
    const holder = await host.holderOf(port, engineAnswers);
    if (holder)
      throw new CommandError(`Port ${port} is taken by ${holder}; nothing was touched.`, [
        config.profile === 'local'
          ? 'Stop it, or give this stack another port: `drawbridge:localPort` in Pulumi.<stack>.yaml.'
          : 'Stop it: the front needs ports 80 and 443 of this machine.',
      ]);
  }
}

async function checkSpace(host: Host, terminal: Terminal, running: boolean): Promise<void> {
  const free = await host.freeBytes();
  if (free === undefined) return;
  const words = `${(free / 1e9).toFixed(1)} GB are free where Docker keeps its data`;
  if (free < LEAST_SPACE)
    throw new CommandError(`The disk is nearly full: ${words}, and a stack needs at least ${LEAST_SPACE / 1e9} GB.`, [
      'Free some space; `docker system df` shows what Docker holds, `docker system prune` removes what nothing uses.',
    ]);
  if (free < WANTED_SPACE && !running) terminal.say(`Note: ${words}; a first run takes about ${WANTED_SPACE / 1e9} GB.`);
}

function browserStep({ root, apt }: { root: boolean; apt: boolean }): Step {
  if (root && apt) return { kind: 'browser', describe: 'install Chromium and iproute2 with apt-get: the tests sign in with a real browser' };
  throw new CommandError('The tests sign in with a real browser, and `chromium` or `ip` is not installed.', [
    apt ? 'Install them: sudo apt-get install chromium iproute2' : 'Install Chromium and iproute2, so that `chromium` and `ip` are on the PATH.',
    'Or run only the tests that need neither engine nor browser: npm test -- --project unit',
  ]);
}

async function perform(step: Step, host: Host, terminal: Terminal): Promise<void> {
  const { progress } = terminal;
  const { doing, done, act } = work(step, host, (line) => progress.line(step.kind, line));
  progress.start(step.kind, doing);
  try {
    await act();
  } catch (error) {
    progress.fail(step.kind, doing);
    throw error;
  }
  progress.finish(step.kind, done);
}

function work(step: Step, host: Host, onLine: (line: string) => void): { doing: string; done: string; act: () => Promise<void> } {
  switch (step.kind) {
    case 'install':
      return {
        doing: 'installing the Docker engine',
        done: 'installed the Docker engine',
        act: () => host.install(['docker.io', 'iptables'], { optional: ['docker-cli'], onLine }),
      };
    case 'start':
      return {
        doing: 'starting the Docker engine',
        done: 'started the Docker engine (it stays when the stack goes)',
        act: () => host.startEngine(step.command),
      };
    case 'browser':
      return { doing: 'installing Chromium', done: 'installed Chromium', act: () => host.install(['chromium', 'iproute2'], { onLine }) };
  }
}
