import { parseArgs } from 'node:util';
import Docker from 'dockerode';
import { dockerOptions } from '../host/docker.ts';
import { decideBase, parseWish, type Wish } from './decide.ts';
import { dockerEngine } from './engine.ts';
import { provideStandIn, removeStandIns } from './stand-in.ts';
import { baseNames, type BaseName } from './versions.ts';

const usage = `Usage: node images/base.ts NAME
       node images/base.ts --remove-stand-ins

Decides the base image for NAME (${baseNames.join(', ')}): the official image where its registry answers, otherwise a
stand-in, which is built if it is missing. Progress goes to stderr; the last line on stdout is JSON:
{"image": "…", "kind": "official" | "stand-in"}.

  --remove-stand-ins       remove all stand-ins from the container engine
  --help                   show this text

DRAWBRIDGE_BASES=official  no stand-ins: fail where no registry answers
DRAWBRIDGE_BASES=stand-in  ask no registry
`;

class UsageError extends Error {}

/** `name` is undefined where the stand-ins are to be removed. */
function parse(): { name: BaseName | undefined; help: boolean; wish: Wish } {
  try {
    const options = { 'remove-stand-ins': { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const name = baseNames.find((known) => known === positionals[0]);
    const fits = values['remove-stand-ins'] ? positionals.length === 0 : positionals.length === 1 && name !== undefined;
    if (!fits && !values.help) throw new Error(`one of ${baseNames.join(', ')} is needed; see --help.`);
    return { name, help: values.help, wish: parseWish(process.env.DRAWBRIDGE_BASES) };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function main(): Promise<void> {
  const { name, help, wish } = parse();
  if (help) {
    process.stdout.write(usage);
    return;
  }
  const docker = new Docker(dockerOptions());
  const report = (line: string): void => void process.stderr.write(`${name ?? 'images'}: ${line}\n`);
  await docker.ping().catch((error: Error) => {
    throw new Error(`No container engine answers (${error.message}). Start it, or point DOCKER_HOST to one.`);
  });
  const engine = dockerEngine(docker);
  if (name === undefined) return removeStandIns(engine, report);
  const base = await decideBase(name, { wish, engine, report, standIn: () => provideStandIn(name, engine, report) });
  process.stdout.write(`${JSON.stringify(base)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`images: ${(error as Error).message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
