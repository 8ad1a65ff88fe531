import { client } from './clients.ts';
import { configSchema, type Parsed } from './schema.ts';
import { brokenRules, type ConfigProblem, type Missing } from './rules.ts';
import { server } from './servers.ts';
import { user } from './users.ts';
import { namingKeys } from './values.ts';

const entrySchemas = { servers: server, clients: client, users: user };

/** The rules that span several keys, on what of a config is right: keys, and of a list that is wrong those entries that are not. */
export function rulesOnTheRest(raw: Readonly<Record<string, unknown>>, missing: Missing): ConfigProblem[] {
  const right: Record<string, unknown> = {};
  const positions: Record<string, number[]> = {};
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    const parsed = schema.safeParse(raw[key], namingKeys);
    if (parsed.success) right[key] = parsed.data;
    else if (key in entrySchemas && Array.isArray(raw[key])) {
      const entries = raw[key].flatMap((entry, index) => {
        const one = entrySchemas[key as keyof typeof entrySchemas].safeParse(entry);
        return one.success ? [{ index, data: one.data as unknown }] : [];
      });
      // A list of which nothing is right is unknown, and not empty.
      if (entries.length === 0) continue;
      right[key] = entries.map(({ data }) => data);
      positions[key] = entries.map(({ index }) => index);
    }
  }
  const asWritten = (text: string) => text.replace(/\b(servers|clients|users)\[(\d+)\]/g, (all, key: string, index: string) => (positions[key] ? `${key}[${positions[key][Number(index)]}]` : all));
  return brokenRules(right as Partial<Parsed>, missing).map(({ path, message }) => ({ path: asWritten(path), message: asWritten(message) }));
}
