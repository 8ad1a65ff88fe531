// Before anything is made in an account, and after everything is gone. CLOUDFLARE_WANTED is a `Wanted`, CLOUDFLARE_STRAY what
// `findStray` found; what `prepare` prints is a `Prepared`.
import { leave } from './account/leave.ts';
import { prepare, type Prepared } from './account/prepare.ts';
import type { Wanted } from './account/wanted.ts';
import { runProgram } from './program.ts';

const { CLOUDFLARE_STRAY: stray = '' } = process.env;
const preparedBy = (earlier: string): Prepared | undefined => (earlier ? (JSON.parse(earlier) as Prepared) : undefined);

await runProgram<Wanted>('account', {
  prepare: async (api, wanted, earlier) => JSON.stringify(await prepare(api, wanted, { stray, prepared: preparedBy(earlier) })),
  leave: (api, wanted, earlier) => leave(api, wanted, preparedBy(earlier)),
});
