import { expect, test } from 'vitest';
import { loadProject } from '../../engine/project.ts';
import { TinyProject } from '../support/engine-project.ts';

const yaml = `name: tiny
main: index.ts
config:
  tiny:text: {type: string, default: hello}
  tiny:list: {type: array, items: {type: string}, default: [a, b]}
  tiny:none: {type: string}
  short: {type: integer, default: 3}
  other:region: {value: north}
  other:flag: true
  tiny:token: {type: string, secret: true, default: from-yaml}
`;

const load = (stackYaml?: string, config?: Record<string, unknown>) => {
  const project = new TinyProject('');
  project.write('Pulumi.yaml', yaml);
  if (stackYaml) project.write('Pulumi.dev.yaml', stackYaml);
  return loadProject({ projectDirectory: project.directory, stack: 'dev', config });
};

test('the config has the defaults of Pulumi.yaml, as text, with objects and lists as JSON', () => {
  expect(load().config).toEqual({
    'tiny:text': 'hello', 'tiny:list': '["a","b"]', 'tiny:short': '3', 'other:region': 'north', 'other:flag': 'true', 'tiny:token': 'from-yaml',
  });
});

test('Pulumi.<stack>.yaml goes before the defaults, and a config that is passed in takes its place', () => {
  const stackYaml = 'config:\n  tiny:text: mine\n  tiny:servers:\n    - name: a\n      port: 1\n';
  expect(load(stackYaml).config).toMatchObject({ 'tiny:text': 'mine', 'tiny:servers': '[{"name":"a","port":1}]' });
  const given = load(stackYaml, { short: 4 }).config;
  expect(given).toMatchObject({ 'tiny:short': '4', 'tiny:text': 'hello' });
  expect(given).not.toHaveProperty('tiny:servers');
});

test('keys that Pulumi.yaml declares secret are secret', () => {
  expect(load('config:\n  tiny:token: {nested: planted}\n')).toMatchObject({ secretKeys: ['tiny:token'], secrets: [{ nested: 'planted' }] });
});

test('an encrypted value is an error that names its key and the Pulumi CLI', () => {
  expect(() => load('config:\n  tiny:deep:\n    a:\n      secure: AAAB\n')).toThrow(/Pulumi\.dev\.yaml: tiny:deep is encrypted.*Pulumi CLI/);
});

test('a YAML error names the file and the line and does not quote the file', () => {
  const planted = 'config:\n  tiny:token: planted-secret\n  tiny:token: "planted-secret\n';
  expect(() => load(planted)).toThrow(/Pulumi\.dev\.yaml is no valid YAML: .*line \d/);
  expect(() => load(planted)).not.toThrow(/planted/);
});
