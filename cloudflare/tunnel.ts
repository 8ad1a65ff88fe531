// Has a stack's tunnel alone bear its name, once it is configured; removes its tunnels, where it changes to a tier without one. CLOUDFLARE_WANTED
// is `{stack, accountId}`.
import { runProgram } from './program.ts';
import { freeName } from './tunnel/free-name.ts';
import { deleteTunnels, tunnelName } from './tunnel/tunnels.ts';

await runProgram<{ stack: string; accountId: string }>('tunnel', {
  settle: async (api, wanted) => {
    await freeName(api, wanted, '');
    return tunnelName(wanted.stack);
  },
  remove: async (api, { stack, accountId }) => `tunnels removed: ${(await deleteTunnels(api, accountId, stack)).join(', ') || 'none was left'}`,
});
