// One run of the engine as a process of its own, so that a test can kill it: engine-run.ts up|down OPTIONS, where OPTIONS are
// the engine's as JSON. Prints each event as a line of JSON.
import { writeSync } from 'node:fs';
import { down, up, type StackOptions } from '../../engine/index.ts';

const [verb, options = ''] = process.argv.slice(2);
await (verb === 'up' ? up : down)({
  ...(JSON.parse(options) as StackOptions),
  onEvent: (event) => writeSync(1, JSON.stringify(event) + '\n'),
});
