// Says what keeps clients from a stack behind a tunnel. CLOUDFLARE_WANTED is a `Subject` without its API. Changes nothing, and fails for nothing that it finds.
import { setTimeout as sleep } from 'node:timers/promises';
import { diagnose, type Finding, type Subject } from './diagnose.ts';
import { runProgram } from './program.ts';

/** In milliseconds: a record that was just made is not everywhere at once. */
const PAUSE = 5_000;

await runProgram<Omit<Subject, 'api'>>('look', {
  look: async (api, wanted) => {
    const subject = { ...wanted, api };
    let findings = await diagnose(subject);
    for (let attempt = 0; attempt < 2 && findings.some(({ check }) => check === 'edge'); attempt++) {
      await sleep(PAUSE);
      findings = await diagnose(subject);
    }
    return findings.length === 0 ? 'Cloudflare’s edge lets clients in.' : findings.map(inWords).join('\n');
  },
});

function inWords({ problem, remedy }: Finding): string {
  return `warning: ${problem} ${remedy}`;
}
