import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const project = join(import.meta.dirname, '../..');

/** The project as a user has it, who pulls new versions: with what is in the files of this one, also where that is not committed. */
export class Clone {
  readonly directory = mkdtempSync(join(tmpdir(), 'drawbridge-clone-'));

  constructor() {
    for (const file of execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: project, encoding: 'utf8' }).split('\n').filter(Boolean)) {
      mkdirSync(join(this.directory, dirname(file)), { recursive: true });
      cpSync(join(project, file), join(this.directory, file));
    }
    symlinkSync(join(project, 'node_modules'), join(this.directory, 'node_modules'));
  }

  /** Another version of a file. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.directory, file);
    writeFileSync(path, change(readFileSync(path, 'utf8')));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
