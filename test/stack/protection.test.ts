import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { refuseProduction } from '../../cli/down.ts';
import { projectDirectory } from '../../cli/stack-file.ts';
import { TinyProject } from '../support/engine-project.ts';
import { runProgram } from '../support/mocked-program.ts';

const production = { profile: 'production', host: 'mcp.example.org' };

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-protection-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const volumesLike = (name: string) => execFileSync('docker', ['volume', 'ls', '--filter', `name=${name}`, '--format', '{{.Name}}'], { encoding: 'utf8' }).split('\n').filter(Boolean).sort();

describe('in production', () => {
  it('the outputs say how to back up what is protected', async () => {
    const { exports } = await runProgram('prod', production);
    expect(exports.backup).toBe('npm run backup -- --stack prod --to drawbridge-prod.age');
    expect((await runProgram('local', { profile: 'local' })).exports.backup).toBeUndefined();
  });

  it('down stops before it touches anything, names what is protected, says how to back it up and how to go on; going on so removes it', async () => {
    const { exports, resources } = await runProgram('guarded', production);
    const kept = resources.filter(({ protect }) => protect);
    const volumes = ['drawbridge-guarded-acme', 'drawbridge-guarded-database'];
    // What is protected and what is exported as the program has it, and nothing else that would have to be deployed.
    const program = (protect: boolean) => `
      const [volume] = ${JSON.stringify(kept)}.map(({ name, inputs }) => new docker.Volume(name, inputs, { protect: ${protect} }));
      new Command('container', { create: say('made'), delete: say('deleted'), triggers: [volume.id] });
      export const backup = ${JSON.stringify(exports.backup)};`;
    const project = new TinyProject(program(true));
    onTestFinished(() => void execFileSync('docker', ['volume', 'rm', '--force', ...volumes]));
    await project.up();
    expect((await project.failure(project.down())).split('\n')).toEqual([
      'Nothing was deleted, since these are protected: acme (drawbridge-guarded-acme), database-data (drawbridge-guarded-database).',
      'Back up what they hold: npm run backup -- --stack guarded --to drawbridge-guarded.age',
      'Then take the protection off (set protect to false in the program, and run up), and run down again.',
    ]);
    expect(project.events).toEqual([]);
    expect(project.said).toEqual(['made']);
    expect(volumesLike('drawbridge-guarded-')).toEqual(volumes);
    project.program(program(false));
    await project.up();
    expect((await project.down()).changes).toMatchObject({ delete: 3 });
    expect(volumesLike('drawbridge-guarded-')).toEqual([]);
  });

  it('`npm run down` leaves a stack that the Pulumi CLI deployed alone, and says in which order to go', () => {
    const stackFile = join(projectDirectory, 'Pulumi.guarded.yaml');
    const volume = 'drawbridge-guarded-database';
    onTestFinished(() => {
      rmSync(stackFile);
      execFileSync('docker', ['volume', 'rm', '--force', volume]);
    });
    writeFileSync(stackFile, 'config: { drawbridge:profile: production, drawbridge:host: mcp.example.org }\n');
    execFileSync('docker', ['volume', 'create', '--label', 'dev.drawbridge.stack=guarded', volume]);
    const { status, stderr } = spawnSync(process.execPath, ['cli/launch.js', 'down', '--stack', 'guarded', '--yes'], { cwd: projectDirectory, encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toMatch(/nothing was touched\.\n[^]*npm run backup -- --stack guarded [^]*pulumi state unprotect --all[^]*pulumi destroy/);
    expect(stderr).not.toContain('docker volume rm');
    expect(volumesLike('drawbridge-guarded-')).toEqual([volume]);
  });

  it('`npm run down` removes what was stood up here, whatever became of its file', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'Pulumi.yaml'), 'name: drawbridge\n');
    writeFileSync(join(directory, 'Pulumi.wrong.yaml'), 'config: { drawbridge:profile: nonsense }\n');
    for (const name of ['wrong', 'nowhere']) expect(() => refuseProduction(name, directory)).not.toThrow();
  });
});
