import { listen } from './listen.ts';

const listening = await listen(Number(process.env.PORT ?? 8080));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void listening.stop());
console.log(`listening on port ${listening.port}`);
