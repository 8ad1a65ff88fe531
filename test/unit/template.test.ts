import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { readStackConfig } from '../../cli/stack-file.ts';
import { configSchema } from '../../infra/config.ts';

/** `pulumi new REPOSITORY`: it copies every file but .git, asks what `template` lists, and takes that part out (pulumi/pulumi, pkg/cmd/pulumi/templates). */
const text = readFileSync('Pulumi.yaml', 'utf8');
const project = parse(text) as { name: string; config: Record<string, { type?: string; secret?: boolean; default?: unknown }>; template: { displayName: string; description: string; quickstart: string; config: Record<string, { description?: string; default?: string; secret?: boolean }> } };
const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n').filter(Boolean);

describe('the template', () => {
  it('says what it is, within what Pulumi allows for a project', () => {
    const { displayName, description, quickstart } = project.template;
    expect([displayName, description, quickstart].every((each) => each.length > 0)).toBe(true);
    expect(description.length).toBeLessThanOrEqual(256);
  });

  it.each(Object.entries(project.template.config))('asks for %s, which is a key of the config, a text, and as secret as there', (key, { description, default: byDefault, secret = false }) => {
    const name = key.replace('drawbridge:', '') as keyof typeof configSchema.shape;
    expect(Object.keys(configSchema.shape)).toContain(name);
    expect(description).toBeTruthy();
    // Answers are texts: a list or a map would end up as one.
    expect(project.config[key]).toMatchObject({ type: 'string' });
    expect(secret).toBe(project.config[key]!.secret ?? false);
    if (byDefault !== undefined) expect(configSchema.shape[name].safeParse(byDefault)).toMatchObject({ success: true, data: byDefault });
    expect(byDefault ?? '').toBe(project.config[key]!.default);
  });

  it('leads to a config that is right, of its defaults and a host', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-template-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const answers = Object.entries(project.template.config).map(([key, { default: byDefault }]) => `  ${key}: ${byDefault ?? 'mcp.example.org'}`);
    writeFileSync(join(directory, 'Pulumi.yaml'), text);
    writeFileSync(join(directory, 'Pulumi.dev.yaml'), `config:\n${answers.join('\n')}\n`);
    expect(readStackConfig('dev', directory)).toMatchObject({ host: 'mcp.example.org', tier: 'host', profile: 'production' });
  });

  it('copies no stack but the local one, which has nothing of its author’s', () => {
    expect(tracked.filter((file) => /(^|\/)Pulumi\..+\.yaml$/.test(file))).toEqual(['Pulumi.local.yaml']);
    expect(parse(readFileSync('Pulumi.local.yaml', 'utf8'))).toEqual({ config: { 'drawbridge:profile': 'local' } });
  });

  it('has no file in which Pulumi would put the project’s name or description in the place of something else', () => {
    const placeholders = ['PROJECT', 'DESCRIPTION'].map((word) => `$\{${word}}`);
    const texts = tracked.filter((file) => !/\.(png|jpe?g|ico|woff2?)$/.test(file));
    expect(texts.filter((file) => placeholders.some((each) => readFileSync(file, 'utf8').includes(each)))).toEqual([]);
  });

  it('names commands that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    for (const [, name] of project.template.quickstart.matchAll(/npm run (\w+)/g)) expect(Object.keys(scripts)).toContain(name);
  });

  it('under another name, which Pulumi asks for, is refused by each command with what to do', () => {
    const directory = mkdtempSync(join(tmpdir(), 'drawbridge-template-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'Pulumi.yaml'), text.replace('name: drawbridge', 'name: mine'));
    writeFileSync(join(directory, 'Pulumi.dev.yaml'), 'config:\n  drawbridge:host: mcp.example.org\n');
    expect(() => readStackConfig('dev', directory)).toThrow(/calls the project mine, and the keys of its config are drawbridge’s, which nothing would read then: write `name: drawbridge` there/);
  });
});
