import { createLogger, describeError, standardOutput } from './logger.ts';
import { serve } from './serve.ts';
import { parseSettings, SettingsError } from './settings.ts';

try {
  const settings = parseSettings(process.env.DRAWBRIDGE_SERVER);
  const logger = createLogger(standardOutput());
  // Until it serves there is nothing to finish. The first process of a container dies of no signal that it does not handle.
  let stop = async (): Promise<void> => process.exit();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      void stop().then(() => logger.info('stopped'));
    });
  const serving = await serve(settings, logger, (error) => {
    logger.fatal(describeError(error), 'a worker died; the process ends, to be started again');
    logger.flush();
    process.exit(1);
  });
  stop = () => serving.stop();
  logger.info({ port: serving.port, resources: settings.servers.map(({ resource }) => resource), auth: settings.auth.kind }, 'listening');
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof SettingsError ? 2 : 1);
}
