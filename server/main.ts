import { listen } from './listen.ts';
import { createLogger } from './logger.ts';
import { parseSettings, SettingsError } from './settings.ts';

try {
  const settings = parseSettings(process.env.DRAWBRIDGE_SERVER);
  const logger = createLogger();
  const listening = await listen(settings, logger);
  logger.info({ port: listening.port, resources: settings.servers.map(({ resource }) => resource), issuer: settings.issuer }, 'listening');
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void listening.stop().then(() => logger.info('stopped'));
    });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof SettingsError ? 2 : 1);
}
