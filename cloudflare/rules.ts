// Brings a stack's rules in its zone to what it wants, or removes them.
import { runProgram } from './program.ts';
import { applyRules, removeRules } from './rules/act.ts';
import type { WantedRules } from './rules/wanted.ts';

await runProgram<WantedRules>('rules', { apply: applyRules, remove: removeRules });
