import { statSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Masker, Vault } from '../../engine/secrets.ts';
import { Secret } from '../../engine/values.ts';
import { TinyProject } from '../support/engine-project.ts';

const program = (command: string) => `
  const planted = pulumi.secret('planted-secret-1');
  const password = new random.RandomPassword('password', { length: 24 });
  const c = new Command('c', { create: ${JSON.stringify(command)}, environment: { A: planted, B: password.result }, stdin: pulumi.jsonStringify({ deep: [planted] }) });
  const open = new Command('open', { create: 'echo planted-secret-$((1 + 1))' }, { additionalSecretOutputs: ['stdout'] });
  export const printed = c.stdout;
  export const user = { name: 'demo', password: password.result };
  export const plain = open.stderr;`;

describe('secrets in the embedded engine', { timeout: 60_000 }, () => {
  test('reach the world and the outputs, and are ciphertext in the state', async () => {
    const project = new TinyProject(program('echo "$A|$B"; cat'));
    const { outputs, secretOutputs } = await project.up();
    const password = (outputs['user'] as { password: string }).password;
    expect(outputs['printed']).toBe(`planted-secret-1|${password}\n{"deep":["planted-secret-1"]}`);
    expect(secretOutputs).toEqual(['printed', 'user']);
    for (const secret of ['planted-secret-1', 'planted-secret-2', password]) expect(project.state + JSON.stringify(project.events)).not.toContain(secret);
    expect((await project.outputs())?.outputs).toEqual(outputs);
    for (const file of ['dev.json', 'dev.key']) expect(statSync(join(project.stateDirectory, file)).mode & 0o777).toBe(0o600);
    expect((await project.up()).changes).toMatchObject({ same: 3 });
  });

  test('are masked in every event and in the error of a failed step, in later runs too', async () => {
    const project = new TinyProject(program('echo "a is $A"; cat; echo "b is $B" >&2; test -e fine'));
    const message = await project.failure(project.up());
    expect(message).toBe('Command c: the command ended with 1:\nb is [secret]');
    expect(JSON.stringify(project.events)).not.toContain('planted-secret-1');
    expect(project.events).toContainEqual(expect.objectContaining({ kind: 'progress', line: 'a is [secret]' }));
    project.write('fine', '');
    const { outputs } = await project.up();
    const shown = JSON.stringify(project.events);
    for (const secret of ['planted-secret-1', (outputs['user'] as { password: string }).password]) expect(shown).not.toContain(secret);
  });

  test('of the config are masked in what the program prints', async () => {
    const project = new TinyProject(`console.log('token', new pulumi.Config().require('token'));`);
    project.write('Pulumi.yaml', 'name: tiny\nmain: index.ts\nconfig:\n  tiny:token: {type: string, secret: true}\n');
    await project.up({ config: { 'tiny:token': 'planted-token' } });
    expect(project.events).toContainEqual({ kind: 'log', severity: 'info', message: 'token [secret]' });
  });

  test('cannot be read with another key or none, and the error names the file', async () => {
    const project = new TinyProject(program('true'));
    await project.up();
    const key = join(project.stateDirectory, 'dev.key');
    const right = readFileSync(key);
    writeFileSync(key, Buffer.alloc(32, 1).toString('base64'));
    expect(await project.failure(project.up())).toContain(key);
    rmSync(key);
    expect(await project.failure(project.down())).toContain(key);
    writeFileSync(key, right);
    expect((await project.down()).changes).toMatchObject({ delete: 3 });
  });

  test('an altered ciphertext is noticed', () => {
    const project = new TinyProject('');
    const vault = new Vault(project.path('key'));
    const sealed = JSON.parse(JSON.stringify(vault.seal({ a: new Secret('planted') }))) as { a: Record<string, string> };
    const [name = ''] = Object.keys(sealed.a);
    const bytes = Buffer.from(sealed.a[name]!, 'base64');
    bytes[bytes.length - 1]! ^= 1;
    sealed.a[name] = bytes.toString('base64');
    expect(() => vault.unseal(sealed)).toThrow(/cannot be read/);
  });

  test('are masked inside longer ones, escaped in JSON, and line by line; short strings are left alone', () => {
    const masker = new Masker();
    masker.learn([new Secret('abcdef'), new Secret({ long: 'abcdef-and-more', quoted: 'say "hi"' }), new Secret('tiny'), new Secret(`-----\n${'k'.repeat(40)}\n`)]);
    expect(masker.mask('abcdef-and-more abcdef tiny')).toBe('[secret] [secret] tiny');
    expect(masker.mask(JSON.stringify({ a: 'say "hi"' }))).toBe('{"a":"[secret]"}');
    expect(masker.mask(`  ${'k'.repeat(40)}`)).toBe('  [secret]');
  });
});
