// Leads a stack's public names to where they are served, or removes its records. CLOUDFLARE_WANTED is a `WantedDns`.
import { applyDns, removeDns } from './dns/change.ts';
import type { WantedDns } from './dns/records.ts';
import { runProgram } from './program.ts';

await runProgram<WantedDns>('dns', { apply: applyDns, remove: removeDns });
