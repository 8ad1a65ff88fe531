import { createLog } from './log.ts';
import { parseSettings, SettingsError } from './settings.ts';
import { supervise } from './supervisor.ts';
import { timings } from './timings.ts';

const log = createLog();
try {
  const settings = parseSettings(process.env.DRAWBRIDGE_STDIO);
  const supervisor = await supervise(Number(process.env.PORT ?? 8080), { settings, environment: process.env, timings, log });
  const processes = settings.processes === 'shared' ? 'one process for all' : 'one process for each user';
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log('stopping');
      void supervisor.stop();
    });
  log(`listening on port ${supervisor.port}; runs ${settings.command}, ${processes}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof SettingsError ? 2 : 1);
}
