import { plain } from '../host/plain.ts';
import { columns } from './columns.ts';
import { showEvents, summary } from './engine-progress.ts';
import { CommandError, UsageError } from './errors.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { isEngineError } from './next-step.ts';
import { prepare, requireEngine } from './prepare.ts';
import { timeText, lifetimeOf } from './previews/lifetime.ts';
import { deployerFor, deployers, knownPreview, knownPreviews, type Known } from './previews/known.ts';
import { checkPreviewName } from './previews/name.ts';
import { plan, templateOf } from './previews/order.ts';
import { configOfPreview } from './previews/own-config.ts';
import { findParts } from './previews/parts.ts';
import { beginReceipt, finishReceipt, isEmpty, keepReceipt, noParts, readReceipt, type Receipt, receiptLines, remedies } from './previews/receipt.ts';
import { expiresOf, recordJson } from './previews/record.ts';
import { forEach, judge } from './previews/sweeping.ts';
import { duration } from './progress.ts';
import { readStackConfig } from './stack-file.ts';
import { isStackName } from './stack-name.ts';
import { completeOutputs } from './stack-outputs.ts';
import { enginesOf, knownEngines, readStandingStack } from './standing-stack.ts';
import { createTerminal } from './terminal.ts';

export interface UpOptions {
  name: string;
  from?: string;
  shareKeycloak?: string;
  lifetime?: string;
  keep?: boolean;
  ref?: string;
  yes?: boolean;
  json?: boolean;
}

const going = (name: string): string[] => [`\`npm run preview -- up --name ${name}\` goes on where this run stopped; \`npm run preview -- down --name ${name}\` removes what is there.`];

/** Brings a preview up, or up to date. */
export async function previewUp({ name: given, from, shareKeycloak, lifetime, keep, ref, yes, json = false }: UpOptions): Promise<void> {
  const name = checkPreviewName(given);
  for (const [option, stack] of [['--from', from], ['--share-keycloak', shareKeycloak]] as const) if (stack !== undefined && !isStackName(stack)) throw new UsageError(`${option} ${stack} is no stack name.`);
  const terminal = createTerminal({ yes, json });
  const signal = abortOnInterrupt(terminal, ['Stopping … (Ctrl-C once more ends at once.) Both are safe:', ...going(name)]);
  try {
    const started = performance.now();
    const watching = { onEvent: showEvents(terminal.progress), onLine: terminal.say, signal };
    const known = await knownPreview(name, await deployers());
    // A lock of Pulumi's says nothing of whether its holder lives.
    if (known?.state === 'at work' && known.deployer.keepsStateHere) throw new CommandError(`Another run is at work on preview ${name}; nothing was touched.`, ['Wait until it ends, and run this again.']);
    if (known?.state === 'damaged' && from === undefined)
      throw new UsageError(`What was noted of preview ${name} cannot be read; nothing was touched. Say with --from which stack it was made from, or take it down: npm run preview -- down --name ${name}`);
    const before = known?.state === 'damaged' ? undefined : known;
    const wishes = { from, keycloakOf: shareKeycloak, lifetime: lifetime === undefined ? undefined : lifetimeOf(lifetime, '--lifetime'), keep, ref };
    const template = readStackConfig(templateOf(wishes, before?.record));
    const deployer = await deployerFor(template, watching);
    if (enginesOf(template).includes(undefined)) await prepare({ terminal });
    // A preview that has lost its state, or Docker objects that are somebody else's: nothing of theirs is taken over.
    if (!known || known.deployer.keepsStateHere) await readStandingStack(name, knownEngines(name));
    const { record, changes, config } = await plan(name, wishes, before?.record, deployer);
    if (enginesOf(config).includes(undefined)) await prepare({ terminal, stack: { name, config } });
    const deployed = await attempt(deployer.up({ name, template: record.template, changes }), going(name), signal);
    const outputs = (await completeOutputs(name, { outputs: { ...deployed.outputs }, secretOutputs: [] })) ?? {};
    const seconds = (performance.now() - started) / 1000;
    if (json) {
      console.log(JSON.stringify({ name, ...recordJson(record), changes: deployed.changes, seconds, outputs }, null, 2));
      return;
    }
    terminal.say(`${summary(deployed.changes)} (${duration(seconds)}).`);
    terminal.say(`Preview ${name} stands: ${record.url}`);
    terminal.say(record.keep ? 'No sweep takes it.' : `A sweep takes it after ${expiresOf(record).toISOString()}.`);
    terminal.say(`Sign in: npm run outputs -- --stack ${name}     Remove it: npm run preview -- down --name ${name}`);
  } finally {
    terminal.progress.close();
  }
}

/** Takes a preview down, and gives a receipt. One that is not there is down already. */
export async function previewDown({ name: given, json = false }: { name: string; json?: boolean }): Promise<void> {
  const name = checkPreviewName(given);
  const terminal = createTerminal({ json });
  const signal = abortOnInterrupt(terminal, ['Stopping … (Ctrl-C once more ends at once.) Both are safe:', `\`npm run preview -- down --name ${name}\` goes on from here.`]);
  try {
    const from = await deployers({ onEvent: showEvents(terminal.progress), onLine: terminal.say, signal });
    const known = await knownPreview(name, from);
    const receipt = known ? await takeDown(known, signal, { evenIfLocked: true }) : await lookForRemains(name, from);
    if (json) console.log(JSON.stringify(receipt, null, 2));
    else for (const line of [known ? `Preview ${name} is down.` : `There is no preview ${name}.`, ...receiptLines(receipt)]) terminal.say(line);
    if (!isEmpty(receipt.left)) throw new CommandError(`Parts of preview ${name} are left.`, remedies(name, receipt.left, knownEngines(name)));
  } finally {
    terminal.progress.close();
  }
}

/** Lists the previews. */
export async function previewList({ json = false }: { json?: boolean }): Promise<void> {
  const now = new Date();
  const found = await knownPreviews(await deployers());
  if (json) {
    console.log(JSON.stringify(found.map(({ name, record, state }) => ({ name, state, ...recordJson(record), ageSeconds: Math.floor((now.getTime() - record.created.getTime()) / 1000) })), null, 2));
    return;
  }
  const rows = found.map(({ name, record, state }) => [plain(name), plain(record.url), timeText((now.getTime() - record.created.getTime()) / 1000), record.keep ? 'never' : remaining(expiresOf(record), now), record.keep ? 'kept' : '', state]);
  console.log(rows.length === 0 ? 'There are no previews.' : columns([['NAME', 'URL', 'AGE', 'EXPIRES', 'KEEP', 'STATE'], ...rows]).join('\n'));
}

/** So many are taken down at the same time: each keeps the engine busy with removals. */
const AT_ONCE = 4;

/** Takes down all that are past their time. @returns what became of each */
export async function previewSweep({ olderThan, dryRun = false, json = false }: { olderThan?: string; dryRun?: boolean; json?: boolean }): Promise<void> {
  const age = olderThan === undefined ? undefined : lifetimeOf(olderThan, '--older-than');
  const terminal = createTerminal({ json });
  const signal = abortOnInterrupt(terminal, ['Stopping … (Ctrl-C once more ends at once.) Both are safe: the next sweep goes on from here.']);
  try {
    const now = new Date();
    const judged = (await knownPreviews(await deployers({ signal }))).map((known) => ({ known, ...judge(known, now, age) }));
    for (const { known, taken, why } of judged) terminal.say(`${taken ? (dryRun ? 'would take' : 'takes') : 'leaves'} ${known.name}: ${why}`);
    const doomed = judged.filter(({ taken }) => taken);
    const results = dryRun ? [] : await forEach(doomed, AT_ONCE, async ({ known }) => {
      terminal.progress.start(known.name, `removing preview ${known.name}`);
      const receipt = await takeDown(known, signal, { evenIfLocked: false });
      if (!isEmpty(receipt.left)) throw new CommandError(receiptLines(receipt).join('\n'), remedies(known.name, receipt.left, knownEngines(known.name)));
      terminal.progress.finish(known.name, `removed preview ${known.name}`);
      return receipt;
    });
    const failures = results.flatMap((result, index) => (result.status === 'rejected' ? [`${doomed[index]!.known.name}: ${wordsOf(result.reason)}`] : []));
    if (json) {
      const swept = doomed.map(({ known: { name }, why }, index) => ({ name, why, ...outcomeOf(results[index]) }));
      console.log(JSON.stringify({ dryRun, swept, left: judged.flatMap(({ known: { name }, taken, why }) => (taken ? [] : [{ name, why }])) }, null, 2));
    }
    if (failures.length > 0) throw new CommandError(`${failures.length} of ${doomed.length} previews were not swept:`, failures);
    if (judged.length === 0) terminal.say('There are no previews.');
    else if (!dryRun) terminal.say(`${doomed.length} of ${judged.length} previews were swept.`);
  } finally {
    terminal.progress.close();
  }
}

/** Removes all of it, and looks whether it is gone. @throws CommandError where a step failed */
async function takeDown({ name, record, deployer }: Known, signal: AbortSignal, { evenIfLocked }: { evenIfLocked: boolean }): Promise<Receipt> {
  const config = configOfPreview(name, record);
  // Without its config, only the embedded engine's state says where it is.
  const engines = config || deployer.keepsStateHere ? knownEngines(name, config) : [];
  if (engines.includes(undefined)) await requireEngine();
  const subject = { name, deployer, engines, record, config };
  const { url, template } = record;
  const receipt = keepReceipt(beginReceipt({ name, url, template }, (await findParts(subject)).parts, readReceipt(name)));
  await attempt(deployer.destroy(name, { evenIfLocked }), [`When the cause is gone, \`npm run preview -- down --name ${name}\` goes on where this run stopped.`], signal);
  const { parts: left, unchecked } = await findParts(subject);
  return keepReceipt(finishReceipt(receipt, left, unchecked));
}

/** Of a name that nobody knows: the receipt of before, where nothing is there that was lost track of. */
async function lookForRemains(name: string, [deployer]: Awaited<ReturnType<typeof deployers>>): Promise<Receipt> {
  await requireEngine();
  const { parts, unchecked } = await findParts({ name, deployer: deployer!, engines: knownEngines(name), record: undefined, config: undefined });
  const before = readReceipt(name);
  return isEmpty(parts) && before?.finished && isEmpty(before.left) ? before : finishReceipt(beginReceipt({ name }, noParts), parts, unchecked);
}

async function attempt<T>(work: Promise<T>, next: readonly string[], signal: AbortSignal): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isEngineError(error) || signal.aborted || !error.begun) throw error;
    throw new CommandError(error.message, next);
  }
}

function remaining(expires: Date, now: Date): string {
  const seconds = (expires.getTime() - now.getTime()) / 1000;
  return seconds > 0 ? `in ${timeText(seconds)}` : `${timeText(-seconds)} ago`;
}

const outcomeOf = (result: PromiseSettledResult<Receipt> | undefined) => (result?.status === 'fulfilled' ? { receipt: result.value } : result ? { error: wordsOf(result.reason) } : {});

const wordsOf = (error: unknown): string => (error instanceof CommandError ? [error.message, ...error.next].join('\n') : (error as Error).message);
