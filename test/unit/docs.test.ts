import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../../cli/commands.ts';
import { parseConfig } from '../../infra/config.ts';
import { versions } from '../../images/versions.ts';

// What the README and docs/ say has to be there: pages, sections, commands, options, keys of the config.
const pages = ['README.md', ...readdirSync('docs').filter((name) => name.endsWith('.md')).map((name) => join('docs', name))];
const textOf = (page: string) => readFileSync(page, 'utf8');
const withoutCode = (text: string) => text.replace(/```[^]*?```/g, '').replace(/`[^`\n]*`/g, '');

/** As GitHub makes them. */
const anchorsOf = (page: string) => [...withoutFences(textOf(page)).matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
const withoutFences = (text: string) => text.replace(/```[^]*?```/g, '');
const shellLines = (text: string) => [...text.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block]) => block!.split('\n')).map((line) => line.replace(/(^|\s)#.*$/, '').trim()).filter(Boolean);

/** Words of a line as a shell has them, quotes taken off. */
const wordsOf = (line: string) => [...line.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)].map(([, single, double, plain]) => single ?? double ?? plain!);

describe.each(pages)('%s', (page) => {
  const text = textOf(page);

  it('leads to pages and sections that are there', () => {
    const missing = [...withoutCode(text).matchAll(/\]\((?!https?:)([^)]*)\)/g)].filter(([, target]) => {
      const [file, anchor] = target!.split('#');
      const path = file ? join(dirname(page), file) : page;
      return !existsSync(path) || (anchor && !anchorsOf(path).includes(anchor));
    });
    expect(missing.map(([, target]) => target)).toEqual([]);
  });

  it('names commands and options of this project that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = [...shellLines(text), ...[...text.matchAll(/`(npm run [^`]*)`/g)].map(([, command]) => command!)].flatMap((line) => line.split(/\s*(?:&&|\||>)\s*/)).filter((line) => /^npm run /.test(line));
    const wrong = named.filter((line) => {
      const [, , ...words] = wordsOf(line);
      const [script, ...rest] = words.filter((word) => word !== '--silent');
      if (!(script! in scripts)) return true;
      const [, command] = /cli\/launch\.js ([\w-]+)/.exec(scripts[script!]!) ?? [];
      if (!command) return false;
      const found = commands(() => {}).commands.find((each) => each.name() === command)!;
      const options = [...found.options, ...found.commands.flatMap((each) => each.options)];
      return rest.some((word) => word.startsWith('--') && word !== '--' && word !== '--help' && !options.some((option) => word.split('=')[0] === option.long)) || (rest.length > 0 && rest[0] !== '--');
    });
    expect(wrong).toEqual([]);
  });

  it('names keys of the config that there are', () => {
    const { config } = parse(textOf('Pulumi.yaml')) as { config: Record<string, unknown> };
    const keys = Object.keys(config).map((key) => key.replace(/^drawbridge:/, ''));
    const named = [...text.matchAll(/drawbridge:([a-zA-Z]+)(?![\w-])/g)].map(([, key]) => key!);
    expect(named.filter((key) => !keys.includes(key))).toEqual([]);
  });

  it('has examples of config that are YAML', () => {
    for (const [, example] of text.matchAll(/```yaml\n([^]*?)```/g)) expect(() => parse(example!)).not.toThrow();
  });
});

it('the README leads to every page', () => {
  for (const page of pages.slice(1)) expect(textOf('README.md')).toContain(`](${page}`);
});

describe('docs/servers.md', () => {
  const text = textOf('docs/servers.md');

  it('says which versions the image of {command} servers has', () => {
    const [, uv] = /uv==(\S+)/.exec(textOf('backends/stdio/Dockerfile'))!;
    expect(text).toContain(`| Node.js, with \`npm\` and \`npx\` | ${versions.node.tag.split('-')[0]} |`);
    expect(text).toContain(`it downloads no other Python | ${uv} |`);
  });

  it('has examples that are whole: a config each, but for its secrets', () => {
    const examples = [...text.matchAll(/```yaml\n([^]*?)```/g)].map(([, example]) => (parse(example!) as { config: Record<string, unknown> }).config);
    expect(examples).toHaveLength(4);
    for (const example of examples) {
      const values = Object.fromEntries(Object.entries(example).map(([key, value]) => [key.replace('drawbridge:', ''), value]));
      expect(() => parseConfig({ ...values, secrets: { issues: 'x', mine: 'x' } })).not.toThrow();
    }
  });
});
