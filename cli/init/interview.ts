import { deriveEndpoints } from '../../infra/endpoints.ts';
import { CommandError, UsageError } from '../errors.ts';
import { type Answers, answersIn, type Values } from './answers.ts';
import { draftOf, problemsOf } from './draft.ts';
import { type Flags, written } from './flags.ts';
import type { Prompts } from './prompts.ts';
import { Wrong } from './wrong.ts';
import { type Asking, type Question, questions, type SoFar } from './questions.ts';

/** The answers, and what is worth knowing about them. */
export interface Interview {
  answers: Answers;
  notes: string[];
}

/** Flags that are missing or wrong. */
export class Unanswered extends UsageError {
  readonly missing: readonly string[];
  readonly problems: readonly string[];

  constructor(missing: readonly string[], problems: readonly string[]) {
    super([...problems, ...(missing.length > 0 ? [`Missing, as nobody can be asked: ${missing.join(', ')}. \`npm run init -- --help\` says what each takes.`] : [])].join('\n'));
    this.missing = missing;
    this.problems = problems;
  }
}

/** Answers that the world does not bear out. */
export class Unfounded extends CommandError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['The answers do not hold yet; nothing was written:', ...problems.map((problem) => `  - ${problem}`)].join('\n'), ['Put that right, or write the config all the same with --skip-checks.']);
    this.problems = problems;
  }
}

/** What is asked of: `before` is the config that is there. */
type Subject = { stack: string; flags: Flags; before: Values; skipChecks?: boolean };

/** Asks a person for what the flags do not say. Each answer is checked at once, and may be given again. */
export async function askPerson({ stack, flags, before, skipChecks = false }: Subject, prompts: Prompts): Promise<Interview> {
  const { say } = prompts;
  const [soFar, holding]: [SoFar, SoFar] = [{}, {}];
  const notes: string[] = [];
  const had = answersIn(before);
  for (const question of questions) {
    if (isForeign(question, soFar)) {
      foreign(question, flags, soFar).forEach((problem) => say(problem));
      continue;
    }
    const asking = askingFor(question, soFar, before);
    let answer = await flagged(question, flags, asking, say);
    for (let settled = false; !settled; ) {
      answer ??= await askUntilItFits(question, prompts, { ...asking, before: had[question.key] });
      const found = (!skipChecks && (await question.check?.(answer, holding, { stack, had }))) || { problems: [], notes: [] };
      for (const line of found.notes) say(`  note: ${line}`);
      for (const line of found.problems) say(`  problem: ${line}`);
      const next = found.problems.length === 0 ? 'keep' : await prompts.choose('What now?', choices);
      if (next === 'answer') answer = await askUntilItFits(question, prompts, { ...asking, before: answer });
      settled = next === 'keep';
      if (settled) notes.push(...found.notes, ...found.problems);
      if (found.problems.length === 0) Object.assign(holding, { [question.key]: answer });
    }
    Object.assign(soFar, { [question.key]: answer });
  }
  return { answers: soFar as Answers, notes };
}

/** Of what is wrong with the whole config, an answer is told what was right without it. */
function askingFor({ key }: Question, soFar: SoFar, config: Values): Asking {
  const known = problemsOf(soFar, config);
  const fits = (answer: unknown) => {
    const problems = problemsOf({ ...soFar, [key]: answer }, config).filter((problem) => !known.includes(problem));
    if (problems.length > 0) throw new Wrong(...problems);
  };
  return { soFar, config, before: undefined, fits, endpoints: (answer) => deriveEndpoints(draftOf({ ...soFar, [key]: answer }, config)) };
}

/** The answer that the flags give, where it can be taken. */
async function flagged({ given }: Question, flags: Flags, { soFar, config, fits }: Asking, say: (line: string) => void): Promise<Answers[keyof Answers] | undefined> {
  try {
    const answer = await given(flags, soFar, config);
    if (answer !== undefined) fits(answer);
    return answer;
  } catch (error) {
    problemsIn(error).forEach((problem) => say(problem));
    return undefined;
  }
}

async function askUntilItFits(question: Question, prompts: Prompts, asking: Asking): Promise<Answers[keyof Answers]> {
  for (;;) {
    try {
      const answer = await question.ask(prompts, asking);
      asking.fits(answer);
      return answer;
    } catch (error) {
      for (const problem of problemsIn(error)) prompts.say(`  problem: ${problem}`);
    }
  }
}

const choices = [
  { value: 'answer', name: 'give another answer' },
  { value: 'check', name: 'check once more: I have put it right' },
  { value: 'keep', name: 'go on all the same: I shall put it right before `up`' },
] as const;

/**
 * Takes all answers from the flags, where nobody can be asked.
 * @throws UsageError with all that is missing or wrong at once, CommandError with all that the checks found
 */
export async function readFlags({ stack, flags, before, skipChecks = false }: Subject): Promise<Interview> {
  const had = answersIn(before);
  const soFar: SoFar = {};
  const [missing, wrong]: [string[], string[]] = [[], []];
  for (const question of questions) {
    if (isForeign(question, soFar)) {
      wrong.push(...foreign(question, flags, soFar));
      continue;
    }
    try {
      const answer = (await question.given(flags, soFar, before)) ?? (question.isOptional ? had[question.key] : undefined);
      // Whether these are asked at all hangs on answers that are missing themselves.
      if (answer !== undefined) Object.assign(soFar, { [question.key]: answer });
      else if ((!question.tier || soFar.tier) && (question.key !== 'allow' || soFar.signIn)) missing.push(question.flag);
    } catch (error) {
      wrong.push(...problemsIn(error));
    }
  }
  if (missing.length + wrong.length > 0) throw new Unanswered(missing, wrong);
  const [holding, problems, notes]: [SoFar, string[], string[]] = [{}, [], []];
  for (const { key, flag, check } of questions) {
    const found = (!skipChecks && soFar[key] !== undefined && (await check?.(soFar[key], holding, { stack, had }))) || { problems: [], notes: [] };
    problems.push(...found.problems.map((problem) => `${flag}: ${problem}`));
    notes.push(...found.notes);
    if (found.problems.length === 0) Object.assign(holding, { [key]: soFar[key] });
  }
  if (problems.length > 0) throw new Unfounded(problems);
  return { answers: soFar as Answers, notes: [...new Set(notes)] };
}

/** Whether a question is of the other tier. */
const isForeign = ({ tier }: Question, soFar: SoFar): boolean => tier !== undefined && soFar.tier !== undefined && tier !== soFar.tier;
const foreign = ({ tier, ...question }: Question, flags: Flags, soFar: SoFar): string[] =>
  question.flags.filter((name) => flags[name] !== undefined).map((name) => `${written(name)} is for tier ${tier}, and the tier is ${soFar.tier}: leave it out`);

function problemsIn(error: unknown): readonly string[] {
  if (error instanceof Wrong) return error.problems;
  throw error;
}
