#!/usr/bin/env node
// The way in of `npx github:OWNER/drawbridge doctor URL`, where this project is an installed package and not a clone. Node runs TypeScript as it is,
// but not below node_modules: here the types of this package's own files are taken out as they are loaded.
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { nodeFor } from './launch-plan.js';

const [command] = process.argv.slice(2);
if (nodeFor(process.versions.node) !== 'running') stop(1, `Drawbridge needs Node 22.19 or newer; this is Node ${process.versions.node}.`, 'Install a newer one, for example from https://nodejs.org/en/download, and run this again.');
if (command !== 'doctor') stop(2, 'As a package Drawbridge has one command: npx github:OWNER/drawbridge doctor URL, with the repository’s owner in place of OWNER.', 'For a stack of your own, clone its repository; its README says how to go on.');

const project = new URL('../', import.meta.url).href;
const dependencies = new URL('node_modules/', project).href;
// Which function of Node's is experimental is of no use to whoever reads the report.
const { emitWarning } = process;
process.emitWarning = (warning, ...rest) => void (String(warning).startsWith('stripTypeScriptTypes') || emitWarning.call(process, warning, ...rest));
module.registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith(project) || url.startsWith(dependencies) || !url.endsWith('.ts')) return nextLoad(url, context);
    return { format: 'module', source: module.stripTypeScriptTypes(readFileSync(new URL(url), 'utf8')), shortCircuit: true };
  },
});
const { main } = await import('./main.ts');
process.exit(await main(process.argv.slice(2), 'npx github:OWNER/drawbridge'));

function stop(code, ...lines) {
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(code);
}
