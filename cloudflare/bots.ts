// Has a zone let AI assistants in, or puts its bot settings back. CLOUDFLARE_WANTED is a `WantedBots`. `remember` and `allow` print what is
// to be put back as JSON, which `restore` does.
import { allowBots, type Memory, rememberBots, restoreBots, type WantedBots } from './bots/act.ts';
import { runProgram } from './program.ts';

// Kept over repetitions: after a write whose answer was lost, it can be read nowhere else.
let kept: Memory | undefined;
const memoryOf = (earlier: string): Memory => kept ?? (JSON.parse(earlier || '{}') as Memory);

await runProgram<WantedBots>('bots', {
  remember: async (api, wanted, earlier) => JSON.stringify(await rememberBots(api, wanted, memoryOf(earlier))),
  allow: async (api, wanted, earlier) => {
    kept = await rememberBots(api, wanted, memoryOf(earlier));
    await allowBots(api, wanted);
    return JSON.stringify(kept);
  },
  restore: (api, wanted, earlier) => restoreBots(api, wanted, memoryOf(earlier)),
});
