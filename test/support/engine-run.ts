// One run of the engine as a process of its own, so that a test can kill it: engine-run.ts up|down PROJECT STATE.
import { writeSync } from 'node:fs';
import { down, up } from '../../engine/index.ts';

const [verb, projectDirectory = '', stateDirectory = ''] = process.argv.slice(2);
await (verb === 'up' ? up : down)({
  projectDirectory,
  stateDirectory,
  stack: 'dev',
  onEvent: (event) => writeSync(1, JSON.stringify(event) + '\n'),
});
